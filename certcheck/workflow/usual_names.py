"""Names that customers and their mail programs try below a mail domain, where they exist."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from certcheck import dns
from certcheck.errors import InputError
from certcheck.model.endpoint import PORTS, SCHEMES, Endpoint, Hostname, Scheme
from certcheck.names import hostname
from certcheck.targets import usual_endpoints
from certcheck.workflow.asking import Asking
from certcheck.workflow.clues import Clue, Find, Note, Strength

# Each name with the services that it suggests.
_USUAL: Mapping[str, tuple[Scheme, ...]] = {
    "mail": SCHEMES,
    "imap": ("imap", "imaps"),
    "pop": ("pop3", "pop3s"),
    "pop3": ("pop3", "pop3s"),
    "smtp": ("submission", "submissions", "smtp"),
    "mx": ("smtp",),
    "sieve": ("sieve",),
}
_UNKNOWN = {"bogus", "failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A name that may serve a domain's mail, and the services to look for there."""

    domain: Hostname
    host: Hostname
    endpoints: tuple[Endpoint, ...]
    usual: bool

    def finds(self, endpoints: Sequence[Endpoint]) -> Iterator[Find]:
        """These of its endpoints as finds."""
        way = "usual name" if self.usual else "the domain itself, without MX"
        strength = Strength.usual_name if self.usual else Strength.domain
        for each in endpoints:
            yield Find(domain=self.domain, endpoint=each, way=way, strength=strength)


def by_name(
    domains: Sequence[Hostname],
    without_mx: Sequence[Hostname],
    promised: Sequence[Find],
    asking: Asking,
) -> Iterator[Clue]:
    """The usual names of the domains that have an address, and the domains that have no MX.

    A name whose address a wildcard record gives to every name counts only where MX or SRV
    `promised` it.
    """
    candidates = [*_usual(domains), *map(_itself, without_mx)]  # RFC 5321 5.1: implicit MX
    chances = {d: chance for d in domains if (chance := _below(secrets.token_hex(8), d))}
    names = tuple(dict.fromkeys([*chances.values(), *(each.host for each in candidates)]))
    found = dns.addresses_of(names, resolver=asking.resolver, family=asking.family)
    answers = dict(zip(names, found, strict=True))
    wild = {domain: answers[chance] for domain, chance in chances.items()}
    known = {find.endpoint.host for find in promised}
    for domain, answer in wild.items():
        yield from _wildcard(domain, answer)
    for each in candidates:
        by_chance = wild.get(each.domain) if each.usual and each.host not in known else None
        yield from _clues(each, answers[each.host], by_chance, asking)


def _usual(domains: Sequence[Hostname]) -> Iterator[_Candidate]:
    # Name by name, so that one zone whose servers are silent does not take all 16 places.
    for label, schemes in _USUAL.items():
        for domain in domains:
            host = _below(label, domain)
            if host:
                endpoints = tuple(
                    Endpoint(scheme=scheme, host=host, port=PORTS[scheme], expected=False)
                    for scheme in schemes
                )
                yield _Candidate(domain=domain, host=host, endpoints=endpoints, usual=True)


def _itself(domain: Hostname) -> _Candidate:
    endpoints = usual_endpoints(domain)
    return _Candidate(domain=domain, host=domain, endpoints=endpoints, usual=False)


def _below(label: str, domain: Hostname) -> Hostname | None:
    try:
        return hostname(f"{label}.{domain.ascii}")
    except InputError:
        return None  # longer than DNS allows


def _wildcard(domain: Hostname, answer: dns.Answer[str]) -> Iterator[Note]:
    if answer.status in _UNKNOWN:
        yield Note(domain=domain, text=f"usual names: {answer.detail}", kind="failed")
    elif answer.records:
        text = (
            "a wildcard record gives every name an address: usual names that share it are left out"
        )
        yield Note(domain=domain, text=text)


def _clues(
    candidate: _Candidate,
    answer: dns.Answer[str],
    by_chance: dns.Answer[str] | None,
    asking: Asking,
) -> Iterator[Clue]:
    """What a candidate is, where a name by chance has the addresses of that answer."""
    placed = [each for each in candidate.endpoints if _is_placed(each, asking)]
    shared = by_chance is not None and (
        by_chance.status in _UNKNOWN or not set(by_chance.records).isdisjoint(answer.records)
    )
    if answer.status == "found" and not shared:
        yield from candidate.finds(candidate.endpoints)
    elif placed:
        yield from candidate.finds(placed)
    elif answer.status in _UNKNOWN:
        yield Note(domain=candidate.domain, text=answer.detail, kind="failed")


def _is_placed(service: Endpoint, asking: Asking) -> bool:
    """Whether --connect-to or certcheck.toml says where it is, so that DNS is not asked."""
    listed = asking.listed(service)
    return bool(asking.redirects_of(service) or (listed and listed.records))
