"""`verify --mail ACCOUNT`: a marked message goes round, and each leg of its way is told."""

from collections.abc import Iterator, Sequence

from certcheck.judge.aftermath import undelivered
from certcheck.judge.changes import Terms, at
from certcheck.model.account import Account
from certcheck.model.change import Change
from certcheck.model.endpoint import Scheme
from certcheck.model.finding import Finding
from certcheck.model.leg import Leg
from certcheck.model.observation import Observation
from certcheck.model.run import Row, Run
from certcheck.probe.limits import Gate
from certcheck.probe.round_trip import round_trip
from certcheck.probe.session import Service
from certcheck.targets import endpoint
from certcheck.workflow.asking import Asking, hosts_of
from certcheck.workflow.awaited import awaited

# In at each of these, out at the first of those that show the same.
_IN: tuple[Scheme, ...] = ("submission", "submissions", "smtp")
_OUT: tuple[tuple[Scheme, ...], ...] = (("imaps", "imap"), ("pop3s", "pop3"))


def sent_round(
    blank: Run, account: Account | None, now: Sequence[Observation], asking: Asking
) -> tuple[Leg, ...]:
    """The legs of a message to the account itself; nothing without an account."""
    if account is None:
        return ()
    gate = Gate(asking.limits, hosts_of(now))
    return awaited(
        round_trip(
            account,
            tuple(_services(now, asking)),
            gate=gate,
            limits=asking.limits,
            now=blank.started,
            roots=asking.roots,
        )
    )


def rows(legs: Sequence[Leg]) -> tuple[Row, ...]:
    """A row for each leg."""
    return tuple(
        {
            "leg": leg.name,
            "endpoint": leg.endpoint,
            "address": leg.address,
            "outcome": leg.outcome,
            "seconds": leg.seconds,
            "detail": leg.detail,
        }
        for leg in legs
    )


def changed(account: Account | None, legs: Sequence[Leg], terms: Terms) -> tuple[Change, ...]:
    """A change for each leg that failed."""
    if account is None:
        return ()
    return tuple(
        at(leg.endpoint, leg.address, undelivered(account.mailbox, leg), terms)
        for leg in legs
        if leg.outcome == "failed"
    )


def not_seen(legs: Sequence[Leg]) -> Iterator[Finding]:
    """A finding for each leg that nobody can judge."""
    for leg in legs:
        if leg.outcome == "not_seen":
            yield Finding(
                id=f"mail_not_seen-{leg.name.replace(' ', '-')}",
                rule="mail_not_seen",
                severity="warning",
                verdict="inconclusive",
                observation="",
                endpoint=leg.endpoint,
                address=leg.address,
                message=f"The marked message could not be followed here ({leg.name}).",
                evidence=leg.detail,
            )


def _services(now: Sequence[Observation], asking: Asking) -> Iterator[Service]:
    there: dict[str, Service] = {}
    for each in now:
        service = endpoint(each.endpoint)
        if each.outcome == "seen" and each.address:
            port = asking.dialled(service, each.address).port
            found = Service(endpoint=service, address=each.address, port=port)
            there.setdefault(service.scheme, found)
    for group in (*((scheme,) for scheme in _IN), *_OUT):
        known = [there[scheme] for scheme in group if scheme in there]
        yield from known[:1]
