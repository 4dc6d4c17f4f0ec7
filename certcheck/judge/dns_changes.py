"""What differs in DNS: records that are gone, come, or can no longer be believed."""

from collections.abc import Iterator, Mapping

from certcheck.judge.difference import Difference
from certcheck.model.change import ChangeClass
from certcheck.model.record import Records

_EFFECTS: Mapping[str, str] = {
    "address": "programs and servers connect to other addresses than before",
    "mx": "other servers deliver the mail of this domain elsewhere, or nowhere",
    "tlsa": "servers that check DANE may refuse to deliver",
    "caa": "another authority, or none, may issue for this name",
    "ptr": "receivers refuse mail from an address without the right name",
    "spf": "receivers refuse mail that this domain sends",
}
_TITLES: Mapping[str, str] = {"address": "A and AAAA"}
_BOGUS = "validating resolvers refuse the name, so that nobody behind one can connect"


def records(kind: str, before: Records, after: Records) -> Difference | None:
    """How the records of one name and type differ; None where they are as they were.

    A look-up that failed says nothing (`unknown` tells of it); one that is bogus now is a loss.
    """
    if after.status == "failed" or before.status in {"failed", "bogus"}:
        return None
    if after.status == "bogus":
        return _difference(kind, before, after, "lost", f"DNSSEC is broken: {_BOGUS}")
    was, now = set(before.records), set(after.records)
    if was == now:
        return _security(kind, before, after)
    return _difference(kind, before, after, _class(was, now), _message(kind, was, now))


def unknown(before: Records, after: Records) -> bool:
    """Whether a look-up failed that had an answer before."""
    return after.status == "failed" and before.status != "failed"


def _security(kind: str, before: Records, after: Records) -> Difference | None:
    if before.secure == after.secure or not (before.records and after.records):
        return None
    if after.secure:
        return _difference(kind, before, after, "gained", "DNSSEC vouches for it now")
    text = "DNSSEC no longer vouches for it"
    return _difference(kind, before, after, "weakened", text)


def _class(was: set[str], now: set[str]) -> ChangeClass:
    return "lost" if was - now else "gained"


def _message(kind: str, was: set[str], now: set[str]) -> str:
    return "; ".join(_parts(kind, sorted(was - now), sorted(now - was)))


def _parts(kind: str, gone: list[str], new: list[str]) -> Iterator[str]:
    title = _TITLES.get(kind, kind.upper())
    if gone:
        instead = f", {', '.join(new)} instead" if new else ""
        yield f"{title} {', '.join(gone)} is gone{instead}: {_EFFECTS[kind]}"
    else:
        yield f"{title} {', '.join(new)} is new"


def _difference(
    kind: str, before: Records, after: Records, class_: ChangeClass, message: str
) -> Difference:
    return Difference(
        field=f"dns.{kind}",
        before=_told(before),
        after=_told(after),
        class_=class_,
        message=message,
        single=frozenset(before.records) ^ frozenset(after.records),
    )


def _told(records: Records) -> tuple[str, ...]:
    secure = ("secure",) if records.secure else ()
    return (*records.records, *secure) if records.records else (records.status,)
