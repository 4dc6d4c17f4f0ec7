"""Where to ask: every endpoint becomes the addresses behind it, and every address is looked at."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from certcheck import dns, x509
from certcheck.config import Site
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Endpoint, Hostname
from certcheck.model.observation import Observation
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.observe import STAGES, Depth, observed, unseen
from certcheck.targets import Redirect, endpoint

_TITLES: dict[dns.Family, str] = {"any": "", "ipv4": "IPv4", "ipv6": "IPv6"}
_AT_ONCE = 32  # endpoints in work, over all hosts; the Gate keeps each host's share


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a command looks at servers: --connect-to beats certcheck.toml, which beats DNS."""

    site: Site
    resolver: dns.Resolver
    limits: Limits
    redirects: tuple[Redirect, ...] = ()
    family: dns.Family = "any"
    roots: tuple[Certificate, ...] = ()

    def redirects_of(self, service: Endpoint) -> tuple[Redirect, ...]:
        """Where --connect-to sends an endpoint: the first that fits, and all like it."""
        fitting = [r for r in self.redirects if r.host == service.host]
        fitting = [r for r in fitting if r.port in {None, service.port}]
        return tuple(r for r in fitting if r.port == fitting[0].port)

    def dialled(self, service: Endpoint, address: str) -> Endpoint:
        """The endpoint with the port that is really asked for at this address."""
        there = (r.to_port for r in self.redirects_of(service) if r.address == address)
        return replace(service, port=next(there, None) or service.port)

    def of_family(self, addresses: Sequence[str]) -> tuple[str, ...]:
        """Those of the wanted family."""
        return tuple(a for a in addresses if self.family in {"any", _family(a)})

    def resolved(self, host: Hostname) -> dns.Answer[str]:
        """The addresses of a host by DNS."""
        return dns.addresses(host, resolver=self.resolver, family=self.family)

    def listed(self, service: Endpoint) -> dns.Answer[str] | None:
        """The addresses of an endpoint by certcheck.toml, of the wanted family."""
        known = self.site.addresses_at(service)
        if not known:
            return None
        wanted = self.of_family(known)
        detail = "" if wanted else f"certcheck.toml lists no {_TITLES[self.family]} address for it"
        return dns.Answer(
            records=wanted, status="found" if wanted else "none", secure=False, detail=detail
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a command is: what was done last, and how many of how many such steps are done."""

    what: str
    done: int
    total: int


Progress = Callable[[Step], None]
Resolve = Callable[[Hostname], Awaitable[dns.Answer[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One endpoint at one address; `dialled` differs where --connect-to names another port."""

    endpoint: Endpoint
    dialled: Endpoint
    address: str | None
    trouble: str = ""


async def look(
    endpoints: Sequence[Endpoint],
    asking: Asking,
    *,
    depth: Depth,
    at: datetime,
    seen: Progress,
) -> tuple[Observation, ...]:
    """One observation per endpoint and address, in the order given; `seen` hears of each stage."""
    found = await places(endpoints, asking)
    gate = Gate(asking.limits, hosts(found))
    turns = asyncio.Semaphore(_AT_ONCE)
    stages = _Stages(found, depth, seen)

    async def one(number: int, place: Place) -> Observation:
        async with turns:
            stage = stages.of(place)
            observation = await _observation(number, place, gate, asking.limits, depth, at, stage)
        stages.end(place)
        return observation

    # Loading what reads certificates takes half a round trip: meanwhile the servers greet us.
    loading = asyncio.create_task(asyncio.to_thread(x509.get_ready))
    observations = await asyncio.gather(*(one(n, p) for n, p in enumerate(found, 1)))
    await loading
    return tuple(observations)


class _Stages:
    """Counts the stages of all places; a place that ends early has done its stages, too."""

    def __init__(self, found: Sequence[Place], depth: Depth, seen: Progress) -> None:
        self._each = len(STAGES[depth])
        self._left = dict.fromkeys(map(id, found), self._each)
        self._seen = seen

    def of(self, place: Place) -> Callable[[str], None]:
        return lambda stage: self._done(place, f"{stage}: {place.endpoint.label}", 1)

    def end(self, place: Place) -> None:
        self._done(place, place.endpoint.label, self._left[id(place)])

    def _done(self, place: Place, what: str, stages: int) -> None:
        self._left[id(place)] -= stages
        total = self._each * len(self._left)
        self._seen(Step(what=what, done=total - sum(self._left.values()), total=total))


async def _observation(  # noqa: PLR0913, PLR0917 - passes on what `look` was given
    number: int,
    place: Place,
    gate: Gate,
    limits: Limits,
    depth: Depth,
    at: datetime,
    stage: Callable[[str], None],
) -> Observation:
    if place.address is None:
        return unseen(
            place.endpoint, None, number=number, at=at, reason="unresolved", detail=place.trouble
        )
    observation = await observed(
        place.dialled,
        place.address,
        number=number,
        depth=depth,
        gate=gate,
        limits=limits,
        at=at,
        stage=stage,
    )
    return replace(observation, endpoint=place.endpoint.url)


def hosts(found: Sequence[Place]) -> Mapping[str, str]:
    """Each address with the one that stands for its host.

    Addresses of one name are one host, as are all names of one address.
    """
    above: dict[str, str] = {}

    def top(thing: str) -> str:
        while above[thing] != thing:
            above[thing] = thing = above[above[thing]]
        return thing

    for place in found:
        if place.address is not None:
            name = place.endpoint.host.ascii
            above.setdefault(name, name)
            above.setdefault(place.address, place.address)
            above[top(name)] = top(place.address)
    return {place.address: top(place.address) for place in found if place.address is not None}


def hosts_of(observations: Sequence[Observation]) -> Mapping[str, str]:
    """The same for what has been looked at."""
    services = [(endpoint(o.endpoint), o.address) for o in observations]
    return hosts([Place(endpoint=e, dialled=e, address=a) for e, a in services])


async def places(
    endpoints: Sequence[Endpoint], asking: Asking, *, resolved: Resolve | None = None
) -> list[Place]:
    """Where the endpoints are; an address is None where it could not be had.

    `resolved` looks names up in place of the usual way.
    """
    listed = {e: asking.listed(e) for e in endpoints if not asking.redirects_of(e)}
    unknown = list(dict.fromkeys(e.host for e, answer in listed.items() if answer is None))
    look_up = resolved or _in_turns(asking)
    answers = dict(zip(unknown, await asyncio.gather(*map(look_up, unknown)), strict=True))
    return [
        place
        for e in endpoints
        for place in _redirected(e, asking) or _places_of(e, listed.get(e) or answers.get(e.host))
    ]


def _in_turns(asking: Asking) -> Resolve:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def resolved(host: Hostname) -> dns.Answer[str]:
        async with turns:
            return await asyncio.to_thread(asking.resolved, host)

    return resolved


def _redirected(service: Endpoint, asking: Asking) -> list[Place]:
    addresses = dict.fromkeys(r.address for r in asking.redirects_of(service))
    return [
        Place(endpoint=service, dialled=asking.dialled(service, a), address=a) for a in addresses
    ]


def _places_of(service: Endpoint, answer: dns.Answer[str] | None) -> list[Place]:
    records, detail = (answer.records, answer.detail) if answer else ((), "")
    found = [Place(endpoint=service, dialled=service, address=a) for a in records]
    # With addresses of one family a detail says why those of the other could not be had.
    if found and not detail:
        return found
    trouble = detail or "the name has no address"
    return [*found, Place(endpoint=service, dialled=service, address=None, trouble=trouble)]


def _family(address: str) -> dns.Family:
    return "ipv6" if ":" in address else "ipv4"
