"""Names become IP addresses here."""

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING, Literal

from certcheck.dns.answer import Answer, Resolver
from certcheck.dns.lookup import at_once, look_up
from certcheck.model.endpoint import Hostname
from certcheck.model.record import Status

if TYPE_CHECKING:
    from dns.rdata import Rdata

Family = Literal["any", "ipv4", "ipv6"]
Kind = Literal["A", "AAAA"]

_KINDS: dict[Family, tuple[Kind, ...]] = {
    "any": ("A", "AAAA"),
    "ipv4": ("A",),
    "ipv6": ("AAAA",),
}
_FAMILIES: dict[Family, socket.AddressFamily] = {
    "any": socket.AF_UNSPEC,
    "ipv4": socket.AF_INET,
    "ipv6": socket.AF_INET6,
}
_ABSENT = {socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY}
# Bogus stops; one family alone is enough to connect, and the detail tells of the other.
_WORTH: tuple[Status, ...] = ("bogus", "found", "failed", "none")


def addresses(name: Hostname, *, resolver: Resolver, family: Family = "any") -> Answer[str]:
    """The IP addresses of `name`, IPv4 first with a given resolver, else in the system's order.

    An IP address answers itself. The system's own way counts /etc/hosts and is never secure.
    Takes at most the resolver's time-out; never raises for what the network does.
    """
    if name.is_ip:
        return _itself(name.ascii, family)
    if resolver.address is None:
        return _by_system(name.ascii, _FAMILIES[family], resolver.timeout)
    kinds = _KINDS[family]
    with ThreadPoolExecutor(max_workers=len(kinds)) as pool:
        parts = pool.map(lambda kind: look_up(name.ascii, kind, _address, resolver=resolver), kinds)
        return _together(tuple(parts))


def addresses_of(
    names: Sequence[Hostname], *, resolver: Resolver, family: Family = "any"
) -> tuple[Answer[str], ...]:
    """What `addresses` says of each name, in order; a dead resolver costs two time-outs in all."""
    return at_once(names, lambda n, r: addresses(n, resolver=r, family=family), resolver=resolver)


def _address(record: "Rdata") -> str:
    return record.to_text()


def _itself(address: str, family: Family) -> Answer[str]:
    kind: Family = "ipv6" if ":" in address else "ipv4"
    if family in {"any", kind}:
        return Answer(status="found", records=(address,))
    return Answer(status="none", detail=f"{address} is not an {family.upper()} address")


def _together(parts: Sequence[Answer[str]]) -> Answer[str]:
    statuses = {part.status for part in parts}
    status = next(each for each in _WORTH if each in statuses)
    # A family that does not exist is nothing to tell of where the other one was found.
    silent = {"found", "none"} if status == "found" else {"found"}
    told = "; ".join(part.detail for part in parts if part.status not in silent)
    records = () if status == "bogus" else tuple(r for part in parts for r in part.records)
    secure = all(part.secure for part in parts)
    return Answer(status=status, records=records, secure=secure, detail=told)


def _by_system(name: str, family: socket.AddressFamily, timeout: float) -> Answer[str]:
    outcome: list[Answer[str]] = []
    asking = Thread(target=lambda: outcome.append(_getaddrinfo(name, family)), daemon=True)
    asking.start()
    asking.join(timeout)
    if outcome:
        return outcome[0]
    return Answer(status="failed", detail=f"{name}: no answer within {timeout:g} s")


def _getaddrinfo(name: str, family: socket.AddressFamily) -> Answer[str]:
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)
    except socket.gaierror as e:
        # A resolver's SERVFAIL and a silent one are EAI_AGAIN.
        status: Status = "none" if e.errno in _ABSENT else "failed"
        return Answer(status=status, detail=f"{name}: {e.strerror}")
    except UnicodeError:
        return Answer(status="none", detail=f"{name}: not a name that DNS can hold")
    return Answer(status="found", records=tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))
