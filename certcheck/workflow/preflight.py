"""Before an order: what DNS says against it, so that no order is spent on what cannot work."""

import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from certcheck import dns
from certcheck.errors import Obstacle, listed
from certcheck.judge.caa import Applicant, forbidden
from certcheck.model.endpoint import Hostname

Say = Callable[[str], None]

_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    """Why an order would fail (`fatal`), or could."""

    text: str
    fatal: bool = False


def preflight(  # noqa: PLR0913 - an order has that many sides; each is named at the call
    names: Sequence[Hostname],
    *,
    kind: str,
    caa_identities: Sequence[str],
    account_uri: str | None,
    resolver: dns.Resolver,
    say: Say,
    own_listener: bool,
) -> None:
    """Raise Obstacle where CAA forbids the order, or http-01 would be asked of another host.

    `caa_identities` are the authority's own (RFC 8555 7.1.1); without any CAA is not looked at.
    `own_listener`: the http-01 challenge is answered by this process. What cannot be looked up is
    a warning to `say`, since the authority may see more. Takes a few of the resolver's time-outs.
    """
    applicant = Applicant(identities=caa_identities, kind=kind, account_uri=account_uri)
    forbidding = list(_by_caa(names, applicant, resolver)) if caa_identities else []
    _heed(forbidding, "ask for another certificate authority, or change the CAA records", say)
    if own_listener:
        hint = "point the name here, or use --webroot where it is served, or --dns-hook"
        _heed(list(_by_address(names, resolver)), hint, say)


def _heed(troubles: Sequence[_Trouble], hint: str, say: Say) -> None:
    fatal = _told([each.text for each in troubles if each.fatal])
    if fatal:
        raise Obstacle(fatal, hint=hint)
    warnings = _told([each.text for each in troubles])
    if warnings:
        say(f"warning: {warnings}")


def _told(texts: Sequence[str]) -> str:
    return listed(list(dict.fromkeys(texts)), most=_TOLD, between="; ")


def _by_caa(
    names: Sequence[Hostname], applicant: Applicant, resolver: dns.Resolver
) -> Iterator[_Trouble]:
    for name, found in zip(names, dns.caa(names, resolver=resolver), strict=True):
        if found.answer.status in {"bogus", "failed"}:
            yield _Trouble(text=f"CAA is unknown: {found.answer.detail}")
        wildcard = name.ascii.startswith("*.")
        why = forbidden(found.answer.records, applicant, domain=found.domain, wildcard=wildcard)
        if why:
            yield _Trouble(text=why, fatal=True)


def _by_address(names: Sequence[Hostname], resolver: dns.Resolver) -> Iterator[_Trouble]:
    for name, answer in zip(names, dns.addresses_of(names, resolver=resolver), strict=True):
        if answer.status != "found":
            yield _Trouble(text=answer.detail or f"{name.ascii} has no address")
        elsewhere = [address for address in answer.records if not _is_here(address)]
        if elsewhere:
            alone = len(elsewhere) == len(answer.records)
            yield _elsewhere(name, elsewhere, alone=alone)


def _elsewhere(name: Hostname, addresses: Sequence[str], *, alone: bool) -> _Trouble:
    told = ", ".join(addresses[:_TOLD])
    where = f"{name.ascii} resolves to {told}, this host is not {told}"
    if any(map(_is_translated, addresses)):
        return _Trouble(text=f"{where} but behind NAT: it must lead here")
    # With another address that is this host's, the authority may choose that one.
    return _Trouble(text=where, fatal=alone)


def _is_here(address: str) -> bool:
    """Whether this host has the address: only then can a socket be bound to it."""
    try:
        with _udp(address) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _is_translated(address: str) -> bool:
    """Whether this host is behind NAT on the way to a public address, so that it may be its own."""
    if not ipaddress.ip_address(address).is_global:
        return False
    try:
        with _udp(address) as probe:
            probe.connect((address, 9))  # chooses a source address, and sends nothing
            source = ipaddress.ip_address(probe.getsockname()[0])
    except OSError:
        return False
    return source.is_private


def _udp(address: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
