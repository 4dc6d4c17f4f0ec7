"""SRV records: where a service of a domain is (RFC 2782)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from certcheck.dns.answer import Answer, Resolver
from certcheck.dns.lookup import at_once, look_up
from certcheck.model.record import Srv

if TYPE_CHECKING:
    from dns.rdata import Rdata


def srv(owners: Sequence[str], *, resolver: Resolver) -> tuple[Answer[Srv], ...]:
    """The SRV records of each of `_SERVICE._tcp.DOMAIN`, by priority, the heaviest first.

    Without an address the name servers of /etc/resolv.conf are asked. A dead resolver costs two
    time-outs in all; never raises for what the network does.
    """
    return at_once(owners, _one, resolver=resolver)


def _one(owner: str, resolver: Resolver) -> Answer[Srv]:
    answer = look_up(owner, "SRV", _read, resolver=resolver)
    return replace(answer, records=tuple(sorted(answer.records, key=_rank)))


def _rank(record: Srv) -> tuple[int, int, str, int]:
    return record.priority, -record.weight, record.target, record.port


def _read(record: "Rdata") -> Srv:
    from dns.rdtypes.IN.SRV import SRV

    if not isinstance(record, SRV):
        raise TypeError(f"{record!r} is no SRV record")
    return Srv(
        priority=record.priority,
        weight=record.weight,
        port=record.port,
        target=record.target.to_text(omit_final_dot=True),
    )
