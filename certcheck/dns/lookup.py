"""One question to a resolver and what its answer means, and many questions at once."""

import ipaddress
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from certcheck.dns.answer import Answer, Record, Resolver

if TYPE_CHECKING:
    from dns.message import Message, QueryMessage
    from dns.rdata import Rdata

Thing = TypeVar("Thing")

RESOLV_CONF = Path("/etc/resolv.conf")

_MAX_RESOLV_CONF = 64 * 1024
_MAX_SERVERS = 3  # MAXNS of resolv.conf(5)
_FIRST_SHARE = 0.4  # a lost packet is sent again after this part of the time
_AT_ONCE = 16
_PATIENCE = 2  # time-outs without an answer until a resolver is given up
_LONGEST = 120.0  # seconds for all look-ups together,
_EACH = 0.05  # or this much for each, where that is more: 16 at a time that take 0.8 s


class Server(NamedTuple):
    """A name server by its IP address."""

    address: str
    port: int


def look_up(
    name: str, kind: str, read: "Callable[[Rdata], Record]", *, resolver: Resolver
) -> Answer[Record]:
    """The records of one kind, each read by `read`; aliases are followed.

    Takes at most the resolver's time-out; never raises for what the network does.
    """
    # Never as `dns.name`: while another thread imports it, `dns` may not have it yet.
    from dns import exception as dns_exception
    from dns import name as dns_name

    unfit = (dns_name.NameTooLong, dns_name.LabelTooLong, dns_name.EmptyLabel)
    end = time.monotonic() + resolver.timeout
    answer: Answer[Record]
    try:
        answer = _sense(_response(name, kind, resolver, end), read)
        if answer.status == "failed" and _holds_unchecked(name, kind, resolver, end):
            answer = replace(answer, status="bogus", detail=f"DNSSEC: {answer.detail}")
    except unfit:
        answer = Answer(status="none", detail="not a name that DNS can hold")
    except dns_exception.Timeout:
        answer = Answer(status="failed", detail=f"no answer within {resolver.timeout:.2g} s")
    except (dns_exception.DNSException, OSError, EOFError) as e:
        answer = Answer(status="failed", detail=str(e) or type(e).__name__)
    detail = f"{name} {kind}: {answer.detail}" if answer.detail else ""
    return replace(answer, detail=detail)


def at_once(
    things: Sequence[Thing],
    ask: Callable[[Thing, Resolver], Answer[Record]],
    *,
    resolver: Resolver,
) -> tuple[Answer[Record], ...]:
    """What `ask` says of each thing, in their order, 16 at a time, within two minutes.

    Of more than 2400 things each adds 50 ms to that, so that a long list has a chance to be done.
    `ask` gets a resolver whose time-out is what is left: two time-outs after its last answer a
    resolver is given up, so that a dead one costs no more than that, however many the things.
    """
    begun = heard = time.monotonic()
    longest = max(_LONGEST, _EACH * len(things))

    def one(thing: Thing) -> Answer[Record]:
        nonlocal heard
        end = min(heard + _PATIENCE * resolver.timeout, begun + longest)
        answer = ask(thing, replace(resolver, timeout=min(resolver.timeout, _left(end))))
        if answer.status != "failed":
            heard = time.monotonic()
        return answer

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return tuple(pool.map(one, things))


def exchange(
    question: "QueryMessage", server: Server, end: float, *, share: float = 1.0
) -> "Message":
    """What the server answers until `end`, by UDP for that share of the time, by TCP if need be.

    Raises DNSException, OSError and EOFError.
    """
    from dns import message as dns_message
    from dns import query as dns_query

    try:
        return dns_query.udp(
            question,
            server.address,
            timeout=_left(end) * share,
            port=server.port,
            ignore_unexpected=True,
            ignore_errors=True,
            raise_on_truncation=True,
        )
    except dns_message.Truncated:
        return dns_query.tcp(question, server.address, timeout=_left(end), port=server.port)


def _response(
    name: str, kind: str, resolver: Resolver, end: float, *, unchecked: bool = False
) -> "Message":
    from dns import exception as dns_exception
    from dns import flags as dns_flags
    from dns import message as dns_message

    # RFC 6840 5.7: AD in a question asks for AD in the answer. RFC 4035 3.2.2: CD, unchecked.
    flags = dns_flags.RD | dns_flags.AD | (dns_flags.CD if unchecked else 0)
    question = dns_message.make_query(f"{name}.", kind, flags=flags, use_edns=0, payload=1232)
    servers = _servers(resolver)
    *others, last = servers * 2 if len(servers) == 1 else servers
    # The first that answers counts. To ask another one after SERVFAIL, as glibc does, would take
    # the word of one that does not validate against that of one that does.
    for server in others:
        try:
            return exchange(question, server, end, share=_FIRST_SHARE)
        except (dns_exception.Timeout, OSError):
            continue
    return exchange(question, last, end)


def _servers(resolver: Resolver) -> list[Server]:
    if resolver.address is not None:
        return [Server(resolver.address, resolver.port)]
    with RESOLV_CONF.open(encoding="utf-8", errors="replace") as file:
        lines = [line.split() for line in file.read(_MAX_RESOLV_CONF).splitlines()]
    named = [words[1] for words in lines if words[:1] == ["nameserver"] and words[1:]]
    found = [Server(address, resolver.port) for address in named if _is_address(address)]
    if not found:
        raise OSError(f"{RESOLV_CONF} names no name server")
    return found[:_MAX_SERVERS]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _left(end: float) -> float:
    return max(0.0, end - time.monotonic())


def _sense(response: "Message", read: "Callable[[Rdata], Record]") -> Answer[Record]:
    from dns import flags as dns_flags
    from dns import message as dns_message
    from dns import rcode as dns_rcode

    secure = bool(response.flags & dns_flags.AD)
    if not isinstance(response, dns_message.QueryMessage):
        return Answer(status="failed", detail="the answer is none to a question")
    if response.rcode() == dns_rcode.NXDOMAIN:
        return Answer(status="none", secure=secure, detail="the name does not exist")
    if response.rcode() != dns_rcode.NOERROR:
        return Answer(status="failed", detail=_complaint(response))
    return _records(response, read, secure=secure)


def _records(
    response: "QueryMessage", read: "Callable[[Rdata], Record]", *, secure: bool
) -> Answer[Record]:
    from dns import flags as dns_flags

    found = response.resolve_chaining().answer
    if found is not None:
        return Answer(status="found", records=tuple(map(read, found)), secure=secure)
    if not response.flags & (dns_flags.RA | dns_flags.AA):
        return Answer(status="failed", detail="the server refers elsewhere: it is no resolver")
    return Answer(status="none", secure=secure, detail="no such record")


def _holds_unchecked(name: str, kind: str, resolver: Resolver, end: float) -> bool:
    """Whether the answer that failed comes when nobody validates it: then it is bogus."""
    from dns import exception as dns_exception

    try:
        response = _response(name, kind, resolver, end, unchecked=True)
        unchecked = _sense(response, lambda _: None)
    except (dns_exception.DNSException, OSError, EOFError):
        return False
    return unchecked.status in {"found", "none"}


def _complaint(response: "Message") -> str:
    from dns import rcode as dns_rcode

    extended = "; ".join(each.to_text() for each in response.extended_errors())  # RFC 8914
    code = dns_rcode.to_text(response.rcode())
    return f"{code} ({extended})" if extended else code
