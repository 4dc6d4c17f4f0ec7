"""`certcheck fingerprints --jsonl`: very many endpoints, each told as soon as it is known."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from certcheck import dns
from certcheck.model.endpoint import Endpoint, Hostname
from certcheck.model.observation import Observation, Outcome
from certcheck.probe.glance import glanced
from certcheck.probe.limits import Gate
from certcheck.probe.observe import unseen
from certcheck.workflow.asking import Asking, Place, places
from certcheck.workflow.awaited import awaited
from certcheck.workflow.ledger import Ledger

_IN_WORK = 512  # TARGETs; connections are fewer, so that a slow host does not hold up the others
_CONNECTIONS = 256
_LOOK_UPS = 32
_NAMES = 1024  # whose addresses are remembered: lines of one host mostly stand together


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Who hears of it: `tell` of each observation, with the number of addresses of its endpoint.

    `seen` hears how many TARGETs are done.
    """

    tell: Callable[[Observation, int], None]
    seen: Callable[[int], None]
    clock: Callable[[], datetime]


def sweep(
    targets: Iterator[Sequence[Endpoint]],
    asking: Asking,
    ledger: Ledger,
    company: Company,
    *,
    size: int,
) -> None:
    """Ask all of `size` TARGETs that is not in the ledger yet: services, or a host's usual ones.

    What is kept of a TARGET that is done is a number in the ledger. What `tell` raises ends it.
    """
    awaited(_Sweep(targets, asking, ledger, company).run(min(size, _IN_WORK)))


class _Sweep:
    def __init__(
        self,
        targets: Iterator[Sequence[Endpoint]],
        asking: Asking,
        ledger: Ledger,
        company: Company,
    ) -> None:
        self._targets, self._ledger, self._company = targets, ledger, company
        self._limits = replace(asking.limits, in_all=_CONNECTIONS)
        self._asking = asking
        self._hosts = _Hosts()
        self._names = _Names(asking.resolved)
        self._gate = Gate(self._limits, self._hosts.of)
        self._done = 0

    async def run(self, workers: int) -> None:
        pool = ThreadPoolExecutor(max_workers=_LOOK_UPS)
        asyncio.get_running_loop().set_default_executor(pool)
        await asyncio.gather(*(self._work() for _ in range(workers)))

    async def _work(self) -> None:
        # All workers draw from one iterator, so that no more is read than can be asked.
        for target in self._targets:
            await self._target(target)
            self._done += 1
            self._company.seen(self._done)

    async def _target(self, target: Sequence[Endpoint]) -> None:
        left = [each for each in target if self._ledger.begin(each)]
        if not left:
            return
        found = await places(left, self._asking, resolved=self._names.resolved)
        with self._hosts.together([p.address for p in found if p.address is not None]):
            outcomes = await asyncio.gather(*(self._place(each, found) for each in found))
        if left == list(target) and set(outcomes) == {"closed"}:
            self._ledger.missing = True  # of a bare host, too, some port must be open

    async def _place(self, place: Place, found: Sequence[Place]) -> Outcome | None:
        if self._ledger.has(place.endpoint, place.address):
            return None
        observation = await self._observation(place)
        addresses = sum(other.endpoint is place.endpoint for other in found)
        number = self._ledger.enter(place.endpoint, observation)
        told = replace(observation, id=f"o{number}", endpoint=place.endpoint.url)
        self._company.tell(told, addresses)
        return observation.outcome

    async def _observation(self, place: Place) -> Observation:
        at = self._company.clock()
        if place.address is None:
            return unseen(
                place.endpoint, None, number=0, at=at, reason="unresolved", detail=place.trouble
            )
        return await glanced(
            place.dialled, place.address, gate=self._gate, limits=self._limits, at=at
        )


class _Hosts:
    """Which addresses are in work as those of one host, for as long as they are."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}
        self._uses = Counter[str]()

    @contextmanager
    def together(self, addresses: Sequence[str]) -> Iterator[None]:
        known = (self.of[a] for a in addresses if a in self.of)
        host = next(known, addresses[0] if addresses else "")
        self._uses.update(addresses)
        for address in addresses:
            self.of.setdefault(address, host)
        try:
            yield
        finally:
            self._uses.subtract(addresses)
            for address in addresses:
                if address in self.of and not self._uses[address]:
                    del self.of[address], self._uses[address]


class _Names:
    """The addresses of the names that were looked up last."""

    def __init__(self, look_up: Callable[[Hostname], dns.Answer[str]]) -> None:
        self._look_up = look_up
        self._answers = OrderedDict[Hostname, asyncio.Future[dns.Answer[str]]]()

    async def resolved(self, host: Hostname) -> dns.Answer[str]:
        if host.is_ip:
            return self._look_up(host)
        if host not in self._answers:
            looking = asyncio.to_thread(self._look_up, host)
            self._answers[host] = asyncio.ensure_future(looking)
            if len(self._answers) > _NAMES:
                self._answers.popitem(last=False)
        return await self._answers[host]
