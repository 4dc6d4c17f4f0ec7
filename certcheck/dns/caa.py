"""CAA records: which authorities may issue for a name (RFC 8659)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from certcheck.dns.answer import Answer, Resolver
from certcheck.dns.lookup import at_once, look_up
from certcheck.model.endpoint import Hostname
from certcheck.model.record import Caa

if TYPE_CHECKING:
    from dns.rdata import Rdata


@dataclass(frozen=True, slots=True, kw_only=True)
class CaaSet:
    """The CAA records that count for a name, and the domain at which they stand.

    Where there are none up to the root, `domain` is the name itself.
    """

    domain: str
    answer: Answer[Caa]


def caa(names: Sequence[Hostname], *, resolver: Resolver) -> tuple[CaaSet, ...]:
    """For each name the records of the nearest domain that has some (RFC 8659 3).

    A wildcard is asked for without its star; an IP address has none. A look-up that is bogus or
    failed ends the climb, since nobody knows whether it would have ended there. A dead resolver
    costs two time-outs in all; never raises for what the network does.
    """
    climbs = [_climb(name) for name in names]
    domains = tuple(dict.fromkeys(domain for climb in climbs for domain in climb))
    answers = at_once(domains, lambda d, r: look_up(d, "CAA", _read, resolver=r), resolver=resolver)
    known = dict(zip(domains, answers, strict=True))
    return tuple(_relevant(name, climb, known) for name, climb in zip(names, climbs, strict=True))


def _climb(name: Hostname) -> list[str]:
    """The name and all its parents below the root."""
    if name.is_ip:
        return []
    labels = name.ascii.removeprefix("*.").split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def _relevant(name: Hostname, climb: Sequence[str], known: dict[str, Answer[Caa]]) -> CaaSet:
    for domain in climb:
        if known[domain].status != "none":
            return CaaSet(domain=domain, answer=known[domain])
    return CaaSet(domain=name.ascii.removeprefix("*."), answer=Answer(status="none"))


def _read(record: "Rdata") -> Caa:
    from dns.rdtypes.ANY.CAA import CAA

    if not isinstance(record, CAA):
        raise TypeError(f"{record!r} is no CAA record")
    tag = record.tag.decode(errors="backslashreplace").lower()  # RFC 8659 4.1: case-insensitive
    return Caa(flags=record.flags, tag=tag, value=record.value.decode(errors="backslashreplace"))
