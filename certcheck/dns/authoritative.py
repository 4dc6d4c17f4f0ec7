"""The servers that hold a name themselves, and what each of them says, without any cache between.

The resolver is never asked for the name: it would keep for a while that there is nothing yet.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from certcheck.dns.address import addresses_of
from certcheck.dns.answer import Answer, Resolver
from certcheck.dns.lookup import Server, exchange, look_up
from certcheck.errors import InputError
from certcheck.names import hostname

if TYPE_CHECKING:
    from dns.message import Message
    from dns.rdata import Rdata

_HOPS = 8  # aliases and delegations on the way to a name
_MAX_SERVERS = 32  # addresses of all name servers of a zone; the root has 26
_SECONDS = 3.0  # for one question to one server


class NameServer(NamedTuple):
    """One address of an authoritative server."""

    name: str
    address: str
    port: int = 53

    def __str__(self) -> str:
        """`ns.example.org (192.0.2.53)`."""
        return f"{self.name} ({self.address})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """Who holds `owner`, where aliases led to it; without `servers` the detail says why."""

    owner: str
    servers: tuple[NameServer, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What servers say of a name: that they hold it, or that it is elsewhere."""

    alias: str | None = None
    delegated: tuple[str, ...] = ()


def holders(owner: str, *, resolver: Resolver, port: int = 53) -> Holders:
    """The servers of the zone that holds `owner`: every address of every NS record.

    Aliases (CNAME) and delegations of the name itself are followed, by the word of the first
    server that answers. Never raises for what the network does; takes a few time-outs.
    """
    names, detail = _zone_servers(owner, resolver)
    for _ in range(_HOPS):
        servers = _at(names, resolver, port)
        if not servers:
            return Holders(owner=owner, detail=detail or f"{owner}: no address of a name server")
        found = _asked(owner, servers)
        if found.alias:
            owner = found.alias
            names, detail = _zone_servers(owner, resolver)
        elif found.delegated:
            names = found.delegated
        else:
            return Holders(owner=owner, servers=servers)
    return Holders(owner=owner, detail=f"{owner}: more than {_HOPS} aliases and delegations")


def texts(owner: str, server: NameServer) -> Answer[str]:
    """The TXT records that this server holds; failed where it does not speak with authority."""
    from dns import flags as dns_flags
    from dns import rcode as dns_rcode

    response = _response(owner, server)
    if isinstance(response, str):
        return Answer(status="failed", detail=response)
    answering = response.rcode() in {dns_rcode.NOERROR, dns_rcode.NXDOMAIN}
    if not answering or not response.flags & dns_flags.AA:
        code = dns_rcode.to_text(response.rcode())
        return Answer(status="failed", detail=f"{code}, without authority")
    found = tuple(_text(each) for each in _records(response, owner, "TXT"))
    return Answer(status="found" if found else "none", records=found)


def _zone_servers(owner: str, resolver: Resolver) -> tuple[tuple[str, ...], str]:
    """The name servers of the zone around a name, and why there are none."""
    labels = owner.split(".")[1:]
    for start in range(len(labels)):
        domain = ".".join(labels[start:])
        answer = look_up(domain, "NS", _target, resolver=resolver)
        if answer.status != "none":
            return answer.records, answer.detail
    return (), f"{owner}: no zone holds it"


def _at(names: Sequence[str], resolver: Resolver, port: int) -> tuple[NameServer, ...]:
    hosts = list(_hosts(names[:_MAX_SERVERS]))
    answers = addresses_of([hostname(host) for host in hosts], resolver=resolver)
    found = zip(hosts, answers, strict=True)
    servers = [NameServer(host, a, port) for host, answer in found for a in answer.records]
    return tuple(dict.fromkeys(servers))[:_MAX_SERVERS]


def _hosts(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        try:
            yield hostname(name).ascii
        except InputError:
            continue  # a target that is no host name has no address either


def _asked(owner: str, servers: Sequence[NameServer]) -> _Found:
    from dns import rcode as dns_rcode

    with ThreadPoolExecutor(max_workers=_MAX_SERVERS) as pool:
        responses = list(pool.map(lambda server: _response(owner, server), servers))
    for response in responses:
        if isinstance(response, str) or response.rcode() != dns_rcode.NOERROR:
            continue
        for alias in _records(response, owner, "CNAME"):
            return _Found(alias=_target(alias))
        if delegated := _delegation(response, owner):
            return _Found(delegated=delegated)
    return _Found()


def _delegation(response: "Message", owner: str) -> tuple[str, ...]:
    from dns import flags as dns_flags
    from dns import name as dns_name
    from dns import rdatatype as dns_rdatatype

    if response.flags & dns_flags.AA:
        return ()
    name = dns_name.from_text(f"{owner}.")
    below = [r for r in response.authority if r.rdtype == dns_rdatatype.NS]
    return tuple(_target(each) for r in below if name.is_subdomain(r.name) for each in r)


def _response(owner: str, server: NameServer) -> "Message | str":
    """What the server says of the TXT records, or why it says nothing."""
    from dns import exception as dns_exception
    from dns import message as dns_message

    question = dns_message.make_query(f"{owner}.", "TXT", flags=0, use_edns=0, payload=1232)
    place = Server(server.address, server.port)
    try:
        return exchange(question, place, time.monotonic() + _SECONDS)
    except dns_exception.Timeout:
        return f"no answer within {_SECONDS:g} s"
    except (dns_exception.DNSException, OSError, EOFError) as e:
        return str(e) or type(e).__name__


def _records(response: "Message", owner: str, kind: str) -> "list[Rdata]":
    from dns import name as dns_name
    from dns import rdatatype as dns_rdatatype

    name, wanted = dns_name.from_text(f"{owner}."), dns_rdatatype.from_text(kind)
    sets = [r for r in response.answer if r.name == name and r.rdtype == wanted]
    return [record for each in sets for record in each]


def _target(record: "Rdata") -> str:
    target: object = getattr(record, "target", "")  # of NS and CNAME
    return str(target).removesuffix(".").lower()


def _text(record: "Rdata") -> str:
    strings: tuple[bytes, ...] = getattr(record, "strings", ())  # of TXT
    return b"".join(strings).decode(errors="backslashreplace")
