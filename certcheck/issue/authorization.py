"""The authority is shown that every name of an order is ours (RFC 8555 7.5)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from acme import challenges, messages

from certcheck.errors import CaError
from certcheck.issue.answer import json_object, one_line
from certcheck.issue.client import Conversation
from certcheck.issue.refusal import refused
from certcheck.issue.solver import Challenge, ChallengeSolver
from certcheck.store import crash
from certcheck.store.orders import Order, Presented

_UNDECIDED = (messages.STATUS_PENDING, messages.STATUS_PROCESSING)

Progress = Callable[[str], None]


def authorize(
    talk: Conversation,
    order: Order,
    urls: Sequence[str],
    *,
    solver: ChallengeSolver,
    progress: Progress,
) -> None:
    """Present all open challenges, have the authority look, and take them down again.

    A name that is authorized already is left alone. Raises CaError, with the order dropped, when
    the authority offers no challenge of the solver's kind, or does not authorize: all names that
    failed, in one error.
    """
    authorizations = [(url, _read(json_object(talk.send(url, None)))) for url in urls]
    undecided = [(url, each) for url, each in authorizations if not _already_valid(each, progress)]
    offers = [_offer(each, solver.kind, order) for _, each in undecided]
    with ExitStack() as presented:
        with talk.net.unhurried():
            for (_, each), offer in zip(undecided, offers, strict=True):
                progress(f"authorizing {_name(each)}")
                presented.enter_context(_presented(order, solver, _challenge(talk, each, offer)))
            if offers:
                solver.ready()
        for (url, _), offer in zip(undecided, offers, strict=True):
            _answer(talk, url, offer)
            crash.point()
        settled = [_settled(talk, url) for url, _ in undecided]
    failures = [_failure(each) for each in settled if each.status != messages.STATUS_VALID]
    if failures:
        order.close("dropped")
        raise refused("the certificate authority does not authorize", *failures)


@contextmanager
def _presented(order: Order, solver: ChallengeSolver, challenge: Challenge) -> Iterator[None]:
    order.present(
        Presented(
            kind=solver.kind,
            place=solver.place,
            name=challenge.name,
            token=challenge.token,
            key_authorization=challenge.key_authorization,
        )
    )
    with ExitStack() as up:
        up.enter_context(solver.presented(challenge))
        crash.point()
        try:
            yield
        finally:
            up.close()  # where that fails, it stays written down for the next run
            order.removed(challenge.token)


def _read(told: Mapping[str, Any]) -> messages.Authorization:
    authorization: messages.Authorization = messages.Authorization.from_json(told)
    parts: tuple[object, ...] = (authorization.identifier, authorization.status)
    if None in parts:
        raise CaError("the certificate authority sends something that is not an authorization")
    return authorization


def _already_valid(authorization: messages.Authorization, progress: Progress) -> bool:
    if authorization.status == messages.STATUS_VALID:
        progress(f"{_name(authorization)} is authorized already")
        return True
    return False


def _offer(
    authorization: messages.Authorization, kind: str, order: Order
) -> messages.ChallengeBody:
    for offer in authorization.challenges or ():
        if isinstance(offer.chall, challenges.KeyAuthorizationChallenge) and offer.typ == kind:
            return offer
    order.close("dropped")
    kinds = {str(each.to_json().get("type")) for each in authorization.challenges or ()}
    raise CaError(
        f"the certificate authority offers no {kind} challenge for {_name(authorization)}",
        hint=f"it offers {one_line(', '.join(sorted(kinds))) or 'none'}",
    )


def _challenge(
    talk: Conversation, authorization: messages.Authorization, offer: messages.ChallengeBody
) -> Challenge:
    return Challenge(
        kind=offer.chall.typ,
        name=authorization.identifier.value,
        token=offer.chall.encode("token"),
        key_authorization=offer.chall.validation(talk.net.key),
    )


def _answer(talk: Conversation, url: str, offer: messages.ChallengeBody) -> None:
    """Have the authority look; after trouble the authorization tells first whether it does."""
    offers = [offer]

    def ask() -> None:
        now = offers.pop() if offers else _again(talk, url, offer)
        if now.status == messages.STATUS_PENDING:
            talk.once(now.uri, now.chall.response(talk.net.key))

    talk.net.persistently(ask)


def _again(talk: Conversation, url: str, offer: messages.ChallengeBody) -> messages.ChallengeBody:
    now = _read(json_object(talk.once(url, None)))
    return next((each for each in now.challenges or () if each.uri == offer.uri), offer)


def _settled(talk: Conversation, url: str) -> messages.Authorization:
    read = map(_read, talk.polled(url))
    return next(each for each in read if each.status not in _UNDECIDED)


def _failure(authorization: messages.Authorization) -> messages.Error:
    said = {"detail": f"it is {authorization.status.name}"}
    told: list[messages.Error | None] = [each.error for each in authorization.challenges or ()]
    problems = [each for each in told if each is not None]
    problem = problems[0] if problems else messages.Error.from_json(said)
    named: messages.Error = problem.update(
        identifier=problem.identifier or authorization.identifier
    )
    return named


def _name(authorization: messages.Authorization) -> str:
    star = "*." if authorization.wildcard else ""
    return f"{star}{one_line(authorization.identifier.value)}"
