"""MX records: which hosts take the mail of a domain (RFC 5321 5.1)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from certcheck.dns.answer import Answer, Resolver
from certcheck.dns.lookup import at_once, look_up
from certcheck.model.endpoint import Hostname
from certcheck.model.record import Mx

if TYPE_CHECKING:
    from dns.rdata import Rdata


def mx(domains: Sequence[Hostname], *, resolver: Resolver) -> tuple[Answer[Mx], ...]:
    """The MX records of each domain, in order of preference; their names as DNS has them.

    Without an address the name servers of /etc/resolv.conf are asked. A dead resolver costs two
    time-outs in all; never raises for what the network does.
    """
    return at_once(domains, _one, resolver=resolver)


def _one(domain: Hostname, resolver: Resolver) -> Answer[Mx]:
    answer = look_up(domain.ascii, "MX", _read, resolver=resolver)
    return replace(answer, records=tuple(sorted(answer.records)))


def _read(record: "Rdata") -> Mx:
    from dns.rdtypes.ANY.MX import MX

    if not isinstance(record, MX):
        raise TypeError(f"{record!r} is no MX record")
    exchange = record.exchange.to_text(omit_final_dot=True)
    return Mx(preference=record.preference, exchange=exchange)
