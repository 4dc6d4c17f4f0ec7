"""What DNS publishes about the names of mail services: addresses, MX, CAA, SPF, TLSA, PTR."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from certcheck import dns
from certcheck.model.endpoint import Endpoint, Hostname
from certcheck.model.record import Records, tlsa_owner
from certcheck.names import hostname

_HOPELESS = 0.1  # seconds for each further look-up, where nobody has answered the first ones
_FEWEST_LABELS = 3  # of a name whose parent may be a mail domain


def published(
    endpoints: Sequence[Endpoint], *, resolver: dns.Resolver
) -> Mapping[str, Mapping[str, Records]]:
    """By owner name and type, sorted: of the hosts, of the domain above each, of the addresses.

    `address` is A and AAAA together, `caa` the records that count for the name (RFC 8659 3).
    """
    hosts = _unique(e.host for e in endpoints if not e.host.is_ip)
    domains = _unique(each for host in hosts for each in (host, *_above(host)))
    owners = _unique(tlsa_owner(e.host.ascii, e.port) for e in endpoints if not e.host.is_ip)
    found: dict[str, dict[str, Records]] = {}

    def keep(kind: str, names: Iterable[str], answers: Iterable[dns.Answer[Any]]) -> None:
        for name, answer in zip(names, answers, strict=True):
            found.setdefault(name, {})[kind] = _records(answer)

    at = dns.addresses_of(hosts, resolver=resolver)
    if at and all(each.status == "failed" for each in at):
        resolver = replace(resolver, timeout=_HOPELESS)
    keep("address", _texts(hosts), at)
    keep("caa", _texts(hosts), (each.answer for each in dns.caa(hosts, resolver=resolver)))
    of_domains: tuple[tuple[str, Callable[..., Sequence[dns.Answer[Any]]]], ...] = (
        ("mx", dns.mx),
        ("spf", dns.spf),
    )
    for kind, ask in of_domains:
        keep(kind, _texts(domains), ask(domains, resolver=resolver))
    keep("tlsa", owners, dns.tlsa(owners, resolver=resolver))
    addresses = _unique([*(a for each in at for a in each.records), *_literal(endpoints)])
    keep("ptr", addresses, dns.ptr(addresses, resolver=resolver))
    return {name: dict(sorted(found[name].items())) for name in sorted(found)}


def _records(answer: dns.Answer[Any]) -> Records:
    # Addresses with a detail beside them: the look-up of the other family failed.
    partial = bool(answer.records and answer.detail)
    return Records(
        status="failed" if partial else answer.status,
        secure=answer.secure,
        records=tuple(sorted(map(str, answer.records))),
    )


def _above(host: Hostname) -> Iterator[Hostname]:
    labels = host.ascii.split(".")
    if len(labels) >= _FEWEST_LABELS:
        yield hostname(".".join(labels[1:]))


def _literal(endpoints: Sequence[Endpoint]) -> Iterator[str]:
    yield from (e.host.ascii for e in endpoints if e.host.is_ip)


def _texts(hosts: Sequence[Hostname]) -> list[str]:
    return [host.ascii for host in hosts]


def _unique(things: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(things))
