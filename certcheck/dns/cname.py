"""CNAME records: which names are only other names of a host (RFC 1034 3.6.2)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from certcheck.dns.answer import Answer, Resolver
from certcheck.dns.lookup import at_once, look_up
from certcheck.model.endpoint import Hostname

if TYPE_CHECKING:
    from dns.rdata import Rdata


def cname(names: Sequence[Hostname], *, resolver: Resolver) -> tuple[Answer[str], ...]:
    """For each name the one that it is an alias of, if it is one.

    A dead resolver costs two time-outs in all; never raises for what the network does.
    """
    return at_once(
        names, lambda n, r: look_up(n.ascii, "CNAME", _read, resolver=r), resolver=resolver
    )


def _read(record: "Rdata") -> str:
    from dns.rdtypes.ANY.CNAME import CNAME

    if not isinstance(record, CNAME):
        raise TypeError(f"{record!r} is no CNAME record")
    target: str = record.target.to_text(omit_final_dot=True)
    return target
