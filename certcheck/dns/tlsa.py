"""TLSA records: which certificates DNS promises for a port (RFC 6698)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from certcheck.dns.answer import Answer, Resolver
from certcheck.dns.lookup import at_once, look_up
from certcheck.model.record import Tlsa

if TYPE_CHECKING:
    from dns.rdata import Rdata


def tlsa(owners: Sequence[str], *, resolver: Resolver) -> tuple[Answer[Tlsa], ...]:
    """One answer for each of `_PORT._tcp.NAME`, asked of the resolver, in parallel.

    Without an address the name servers of /etc/resolv.conf are asked. A dead resolver costs two
    time-outs in all; never raises for what the network does.
    """
    return at_once(owners, lambda o, r: look_up(o, "TLSA", _read, resolver=r), resolver=resolver)


def _read(record: "Rdata") -> Tlsa:
    from dns.rdtypes.ANY.TLSA import TLSA

    if not isinstance(record, TLSA):
        raise TypeError(f"{record!r} is no TLSA record")
    return Tlsa(
        usage=record.usage, selector=record.selector, matching=record.mtype, data=record.cert
    )
