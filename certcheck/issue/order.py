"""One order from names to a certificate, begun here or by a run that did not end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from acme import messages

from certcheck.errors import CaError
from certcheck.host.door import Host
from certcheck.issue.account import account_key, registered
from certcheck.issue.answer import one_line
from certcheck.issue.authority import Authority, checked
from certcheck.issue.authorization import authorize
from certcheck.issue.client import Conversation, Deadline, Network, conversation
from certcheck.issue.download import downloaded
from certcheck.issue.leftovers import take_down
from certcheck.issue.limits import refuse_held_back, remembered
from certcheck.issue.placing import finalized, found, place, request
from certcheck.issue.received import Chain, issuer_name
from certcheck.issue.refusal import told_plainly
from certcheck.issue.solver import ChallengeSolver
from certcheck.store.orders import Order

__all__ = ["Ca", "Issued", "Terms", "finished", "issued"]

_PROVED = (messages.STATUS_PROCESSING, messages.STATUS_VALID)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ca:
    """An authority that is listening: what it calls itself in CAA records, and our account."""

    directory: str
    caa_identities: tuple[str, ...]
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Where an order is made, where the account is kept, and how long it may take.

    `deadline` is in seconds, for everything but what the solver does; what an earlier run left
    presented is taken down on `host`.
    """

    authority: Authority
    state: Path
    host: Host
    deadline: float
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate fresh from the authority, with its private key.

    `chain` is leaf first, without the self-signed root; nobody has judged it yet. Its order stays
    open until the caller has stored it.
    """

    order: Order
    key_pem: bytes = field(repr=False)
    chain: Chain
    order_url: str


def _unheard(_: Ca) -> None:
    """Nothing to look at before an order."""


def issued(
    order: Order,
    terms: Terms,
    *,
    solver: ChallengeSolver,
    anew: Callable[[], Order],
    before_order: Callable[[Ca], None] = _unheard,
) -> Issued:
    """A certificate for an open order, which is gone on with where an earlier run has left it.

    Where the authority does not go on with it, `anew` makes one in its place. `before_order` may
    look at the authority, and raise, before a new order is made. The caller holds the store's
    lock. Challenges are taken down on every way out; an order that the authority has refused is
    dropped then, any other one stays open.

    Raises InputError for an unusable authority or no names, UnfitBundle for an unreadable key,
    Obstacle when a challenge cannot be presented or the account cannot be kept, CaError for all
    else.
    """
    request(order)
    take_down(order, terms.host)
    with _authority(order, terms) as (talk, ca):
        resumed = _resumed(talk, order, terms, solver)
        if resumed is not None:
            return resumed
        fresh = anew() if order.closed else order
        before_order(ca)
        return _proved(talk, fresh, place(talk, fresh), terms, solver)


def finished(order: Order, terms: Terms) -> Issued | None:
    """The certificate of an order of an earlier run, where no name is to be proved any more.

    None, with the order dropped, where there is no such certificate. Raises as `issued` does.
    """
    take_down(order, terms.host)
    if order.url is None:
        order.close("dropped")
        return None
    try:
        with _authority(order, terms) as (talk, _):
            if found(talk, order, order.url).status == messages.STATUS_PENDING:
                order.close("dropped")
                return None
            return _received(talk, order, order.url, terms)
    except CaError as e:
        if not order.closed:
            raise
        terms.progress(e.message)
        return None


@contextmanager
def _authority(order: Order, terms: Terms) -> Iterator[tuple[Conversation, Ca]]:
    """A conversation about an order: what goes wrong in it is a CaError, and limits are kept."""
    directory, names = checked(terms.authority).directory, order.head.names
    refuse_held_back(terms.state, directory, names)
    key = account_key(terms.state, directory)
    net = Network(key, terms.authority, Deadline.within(terms.deadline), terms.progress)
    with told_plainly(directory, net):
        with remembered(terms.state, directory, (), net):
            talk, ca = _introduced(terms, net)
        with remembered(terms.state, directory, names, net):
            yield talk, ca


def _introduced(terms: Terms, net: Network) -> tuple[Conversation, Ca]:
    talk = conversation(terms.authority, net)
    account = registered(talk, terms.authority, terms.state, terms.progress)
    identities = talk.directory.meta.caa_identities or ()
    ca = Ca(
        directory=account.directory,
        caa_identities=tuple(map(one_line, identities)),
        account=account.uri,
    )
    return talk, ca


def _resumed(
    talk: Conversation, order: Order, terms: Terms, solver: ChallengeSolver
) -> Issued | None:
    """The certificate of an order that an earlier run has made; None when that one is over."""
    if order.url is None:
        return None
    terms.progress(f"going on with the order of {order.begun}, {order.url}")
    try:
        with told_plainly(terms.authority.directory, talk.net):
            return _proved(talk, order, found(talk, order, order.url), terms, solver)
    except CaError as e:
        if not order.closed:
            raise
        terms.progress(f"{e.message}; ordering anew")
        return None


def _proved(
    talk: Conversation,
    order: Order,
    standing: messages.Order,
    terms: Terms,
    solver: ChallengeSolver,
) -> Issued:
    if standing.status not in _PROVED:
        urls = standing.authorizations or ()
        authorize(talk, order, urls, solver=solver, progress=terms.progress)
    return _received(talk, order, str(order.url), terms)


def _received(talk: Conversation, order: Order, url: str, terms: Terms) -> Issued:
    where = finalized(talk, order, url, terms.progress)
    chain = downloaded(talk, order, where, terms.authority, terms.progress)
    terms.progress(f"certificate received from {one_line(issuer_name(chain[:1]))}")
    return Issued(order=order, key_pem=order.key_pem(), chain=chain, order_url=url)
