"""PTR records: the name of an address, which receivers of mail look at (RFC 1035 3.5)."""

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING

from certcheck.dns.answer import Answer, Resolver
from certcheck.dns.lookup import at_once, look_up

if TYPE_CHECKING:
    from dns.rdata import Rdata


def ptr(addresses: Sequence[str], *, resolver: Resolver) -> tuple[Answer[str], ...]:
    """The names of each IP address, in lower case.

    A dead resolver costs two time-outs in all; never raises for what the network does.
    """
    return at_once(addresses, _one, resolver=resolver)


def _one(address: str, resolver: Resolver) -> Answer[str]:
    owner = ipaddress.ip_address(address).reverse_pointer
    return look_up(owner, "PTR", _read, resolver=resolver)


def _read(record: "Rdata") -> str:
    return record.to_text().lower()
