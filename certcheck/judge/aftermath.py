"""After a move: a retired host that still serves, an unsteady port, mail that does not arrive."""

from collections.abc import Iterator, Mapping

from certcheck.judge.clientele import of_service
from certcheck.judge.difference import Difference
from certcheck.model.action import CellProof
from certcheck.model.certificate import short
from certcheck.model.endpoint import Protocol
from certcheck.model.leg import Leg
from certcheck.model.observation import Observation, Reason
from certcheck.targets import endpoint

# The server turned us away, which says nothing of its certificates.
_TURNED_AWAY: frozenset[Reason] = frozenset({"rate_limited", "bye", "rejected_554"})

_STILL: Mapping[Protocol, str] = {
    "smtp": "still takes mail: what arrives there is lost to its owner",
    "lmtp": "still takes mail: what arrives there is lost to its owner",
    "imap": "still takes logins: who is connected there sees the old mailbox",
    "pop3": "still takes logins: who is connected there sees the old mailbox",
    "sieve": "still takes logins: filter rules that are changed there have no effect",
}

_LEGS: Mapping[str, str] = {
    "submission": "a message cannot be sent with STARTTLS: customers cannot send mail",
    "submissions": "a message cannot be sent with SSL/TLS: customers cannot send mail",
    "smtp": "a message from outside is not taken: customers get no mail",
    "imap": "a message that was accepted does not arrive: customers get no mail",
    "pop3": "a message that arrived is not shown by POP3",
    "removed": "the marked messages could not be removed, and are still in the INBOX",
}


def still_serving(observation: Observation) -> Iterator[Difference]:
    """A port of a retired host that answers; a closed or a silent one is right."""
    if observation.outcome in {"closed", "inconclusive"} and observation.reason != "wrong_protocol":
        return
    service = endpoint(observation.endpoint)
    yield Difference(
        field="outcome",
        before=None,
        after=observation.outcome,
        class_="weakened",
        message=f"the retired host {observation.address} {_STILL[service.protocol]} "
        f"({service.scheme.upper()} {service.port})",
        about="retired",
    )


def unsteadiness(row: CellProof, wanted: frozenset[str]) -> Iterator[Difference]:
    """What many handshakes with one cell show that one does not; nothing where all were right."""
    others = {leaf: times for leaf, times in row.served if leaf not in wanted}
    if others:
        counts = ", ".join(f"{short(leaf)} {n} times" for leaf, n in sorted(others.items()))
        yield _difference(
            row,
            "unannounced",
            f"{_cell(row)} another certificate is served now and then: {counts} of "
            f"{row.handshakes} handshakes (reload the server, look for a second one)",
        )
    elif row.failed and not turned_away(row):
        yield _difference(
            row,
            "weakened",
            f"{_cell(row)} {row.failed} of {row.handshakes} handshakes fail "
            f"({row.detail.partition(': ')[2]}): {of_service(row.cell.endpoint)} lose connections",
        )


def undelivered(login: str, leg: Leg) -> Difference:
    """The difference that a leg of a marked message is, which failed."""
    what = _LEGS.get(leg.name.partition(" ")[0], "a marked message did not get through")
    said = f" ({leg.detail})" if leg.detail else ""
    return Difference(
        field="mailbox.delivery",
        before=None,
        after=leg.outcome,
        class_="lost",
        message=f"{login}: {what}{said}",
        about=leg.name,
    )


def turned_away(row: CellProof) -> bool:
    """Whether handshakes failed only because the server limits connections."""
    return bool(row.failed) and row.detail.partition(":")[0] in _TURNED_AWAY


def _cell(row: CellProof) -> str:
    return f"for {row.cell.server_name}" if row.cell.server_name else "without SNI"


def _difference(row: CellProof, class_: str, message: str) -> Difference:
    leaves = tuple(f"{leaf} {times} times" for leaf, times in row.served)
    return Difference(
        field="deployments",
        before=None,
        after=leaves,
        class_="unannounced" if class_ == "unannounced" else "weakened",
        message=message,
        about=f"steady {row.cell.server_name}",
    )
