"""Names become addresses here; a bogus or failed look-up is never taken for "there is none"."""

import ipaddress
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Thread
from typing import TYPE_CHECKING, Literal

from certcheck.errors import InputError
from certcheck.model.endpoint import Hostname

if TYPE_CHECKING:
    from dns.message import Message, QueryMessage

Family = Literal["any", "ipv4", "ipv6"]
Status = Literal["found", "none", "bogus", "failed"]
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
_FIRST_SHARE = 0.4  # a lost packet is sent again after this part of the time


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Who is asked: a recursive resolver by its IP address, or the system's own way (None).

    `timeout` is the hard end of one look-up, in seconds. Its word on DNSSEC counts as far as the
    way to it is trusted. Raises InputError when `address` is no IP address.
    """

    address: str | None = None
    port: int = 53
    timeout: float = 5.0

    def __post_init__(self) -> None:
        """Refuse a resolver that would itself have to be looked up."""
        if self.address is not None:
            try:
                ipaddress.ip_address(self.address)
            except ValueError as e:
                raise InputError(
                    f"resolver {self.address!r} is not an IP address", hint="write ADDRESS[:PORT]"
                ) from e


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a look-up gave: `records` when found, else why there are none.

    none: the name or its records do not exist. bogus: DNSSEC says that the answer is forged or
    broken. failed: nobody knows. `secure`: the resolver vouches for all of it by DNSSEC. Records
    with a detail beside them: the look-up of the other address family failed.
    """

    status: Status
    records: tuple[str, ...] = ()
    secure: bool = False
    detail: str = ""


def addresses(name: Hostname, *, resolver: Resolver, family: Family = "any") -> Answer:
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
        parts = pool.map(lambda kind: _asked(name.ascii, kind, resolver), kinds)
        return _together(tuple(parts))


def _itself(address: str, family: Family) -> Answer:
    kind: Family = "ipv6" if ":" in address else "ipv4"
    if family in {"any", kind}:
        return Answer(status="found", records=(address,))
    return Answer(status="none", detail=f"{address} is not an {family.upper()} address")


def _together(parts: Sequence[Answer]) -> Answer:
    statuses = {part.status for part in parts}
    status = next(each for each in _WORTH if each in statuses)
    # A family that does not exist is nothing to tell of where the other one was found.
    silent = {"found", "none"} if status == "found" else {"found"}
    told = "; ".join(part.detail for part in parts if part.status not in silent)
    records = () if status == "bogus" else tuple(r for part in parts for r in part.records)
    secure = all(part.secure for part in parts)
    return Answer(status=status, records=records, secure=secure, detail=told)


def _by_system(name: str, family: socket.AddressFamily, timeout: float) -> Answer:
    outcome: list[Answer] = []
    asking = Thread(target=lambda: outcome.append(_getaddrinfo(name, family)), daemon=True)
    asking.start()
    asking.join(timeout)
    if outcome:
        return outcome[0]
    return Answer(status="failed", detail=f"{name}: no answer within {timeout:g} s")


def _getaddrinfo(name: str, family: socket.AddressFamily) -> Answer:
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)
    except socket.gaierror as e:
        # A resolver's SERVFAIL and a silent one are EAI_AGAIN.
        status: Status = "none" if e.errno in _ABSENT else "failed"
        return Answer(status=status, detail=f"{name}: {e.strerror}")
    except UnicodeError:
        return Answer(status="none", detail=f"{name}: not a name that DNS can hold")
    return Answer(status="found", records=tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))


def _asked(name: str, kind: Kind, resolver: Resolver) -> Answer:
    import dns.exception

    end = time.monotonic() + resolver.timeout
    try:
        answer = _sense(_exchange(name, kind, resolver, end))
        if answer.status == "failed" and _holds_unchecked(name, kind, resolver, end):
            answer = replace(answer, status="bogus", detail=f"DNSSEC: {answer.detail}")
    except dns.exception.Timeout:
        answer = Answer(status="failed", detail=f"no answer within {resolver.timeout:g} s")
    except (dns.exception.DNSException, OSError, EOFError) as e:
        answer = Answer(status="failed", detail=str(e) or type(e).__name__)
    detail = f"{name} {kind}: {answer.detail}" if answer.detail else ""
    return replace(answer, detail=detail)


def _exchange(
    name: str, kind: Kind, resolver: Resolver, end: float, *, unchecked: bool = False
) -> "Message":
    import dns.exception
    import dns.flags
    import dns.message
    import dns.query

    # RFC 6840 5.7: AD in a question asks for AD in the answer. RFC 4035 3.2.2: CD, unchecked.
    flags = dns.flags.RD | dns.flags.AD | (dns.flags.CD if unchecked else 0)
    question = dns.message.make_query(f"{name}.", kind, flags=flags, use_edns=0, payload=1232)

    def once(seconds: float) -> "Message":
        return dns.query.udp_with_fallback(
            question,
            str(resolver.address),
            timeout=seconds,
            port=resolver.port,
            ignore_unexpected=True,
            ignore_errors=True,
        )[0]

    try:
        return once(max(0.0, (end - time.monotonic()) * _FIRST_SHARE))
    except dns.exception.Timeout:
        return once(max(0.0, end - time.monotonic()))


def _sense(response: "Message") -> Answer:
    import dns.flags
    import dns.message
    import dns.rcode

    secure = bool(response.flags & dns.flags.AD)
    if not isinstance(response, dns.message.QueryMessage):
        return Answer(status="failed", detail="the answer is none to a question")
    if response.rcode() == dns.rcode.NXDOMAIN:
        return Answer(status="none", secure=secure, detail="the name does not exist")
    if response.rcode() != dns.rcode.NOERROR:
        return Answer(status="failed", detail=_complaint(response))
    return _records(response, secure=secure)


def _records(response: "QueryMessage", *, secure: bool) -> Answer:
    import dns.flags

    found = response.resolve_chaining().answer
    if found is not None:
        return Answer(
            status="found", records=tuple(each.to_text() for each in found), secure=secure
        )
    if not response.flags & (dns.flags.RA | dns.flags.AA):
        return Answer(status="failed", detail="the server refers elsewhere: it is no resolver")
    return Answer(status="none", secure=secure, detail="no such record")


def _holds_unchecked(name: str, kind: Kind, resolver: Resolver, end: float) -> bool:
    """Whether the answer that failed comes when nobody validates it: then it is bogus."""
    import dns.exception

    try:
        unchecked = _sense(_exchange(name, kind, resolver, end, unchecked=True))
    except (dns.exception.DNSException, OSError, EOFError):
        return False
    return unchecked.status in {"found", "none"}


def _complaint(response: "Message") -> str:
    import dns.rcode

    extended = "; ".join(each.to_text() for each in response.extended_errors())  # RFC 8914
    code = dns.rcode.to_text(response.rcode())
    return f"{code} ({extended})" if extended else code
