"""Where to ask: every endpoint becomes the addresses behind it, and every address is looked at."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from certcheck import dns
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Endpoint, Hostname
from certcheck.model.observation import Observation
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.observe import Depth, observed, unseen
from certcheck.targets import Redirect

Family = Literal["any", "ipv4", "ipv6"]
Progress = Callable[[str], None]

_AT_ONCE = 32  # endpoints in work, over all hosts; the Gate keeps each host's share


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a command looks at servers; `given` are the addresses that certcheck.toml names."""

    resolver: dns.Resolver
    limits: Limits
    given: tuple[tuple[Hostname, tuple[str, ...]], ...] = ()
    redirects: tuple[Redirect, ...] = ()
    family: Family = "any"
    roots: tuple[Certificate, ...] = ()

    def addresses(self, host: Hostname) -> dns.Answer:
        """The addresses of a host: certcheck.toml's before DNS."""
        listed = dict(self.given).get(host)
        if listed:
            return dns.Answer(records=listed, status="found", secure=False)
        return dns.addresses(host, resolver=self.resolver, family=self.family)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
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
    """One observation per endpoint and address, in the order given; `seen` is told of each."""
    gate = Gate(asking.limits)
    places = await _places(endpoints, asking)
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, place: _Place) -> Observation:
        async with turns:
            observation = await _observation(number, place, gate, asking.limits, depth, at)
        seen(place.endpoint.label)
        return observation

    return tuple(await asyncio.gather(*(one(n, p) for n, p in enumerate(places, 1))))


async def _observation(  # noqa: PLR0913, PLR0917 - passes on what `look` was given
    number: int, place: _Place, gate: Gate, limits: Limits, depth: Depth, at: datetime
) -> Observation:
    if place.address is None:
        return unseen(
            place.endpoint, None, number=number, at=at, reason="unresolved", detail=place.trouble
        )
    observation = await observed(
        place.dialled, place.address, number=number, depth=depth, gate=gate, limits=limits, at=at
    )
    return replace(observation, endpoint=place.endpoint.url)


async def _places(endpoints: Sequence[Endpoint], asking: Asking) -> list[_Place]:
    hosts = list(dict.fromkeys(e.host for e in endpoints if not _redirect(e, asking)))
    turns = asyncio.Semaphore(_AT_ONCE)

    async def answer(host: Hostname) -> dns.Answer:
        async with turns:
            return await asyncio.to_thread(asking.addresses, host)

    answers = dict(zip(hosts, await asyncio.gather(*map(answer, hosts)), strict=True))
    return [place for e in endpoints for place in _places_of(e, answers, asking)]


def _places_of(
    endpoint: Endpoint, answers: dict[Hostname, dns.Answer], asking: Asking
) -> list[_Place]:
    redirect = _redirect(endpoint, asking)
    if redirect:
        dialled = replace(endpoint, port=redirect.to_port or endpoint.port)
        return [_Place(endpoint=endpoint, dialled=dialled, address=redirect.address)]
    answer = answers[endpoint.host]
    if not answer.records:
        trouble = answer.detail or "the name has no address"
        return [_Place(endpoint=endpoint, dialled=endpoint, address=None, trouble=trouble)]
    return [_Place(endpoint=endpoint, dialled=endpoint, address=a) for a in answer.records]


def _redirect(endpoint: Endpoint, asking: Asking) -> Redirect | None:
    fitting = (r for r in asking.redirects if r.host == endpoint.host)
    return next((r for r in fitting if r.port in {None, endpoint.port}), None)
