"""`certcheck watch`: how long every port was away, and when which certificate was served."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace

from certcheck.errors import InputError
from certcheck.model.endpoint import Endpoint
from certcheck.model.run import Run
from certcheck.probe.limits import Gate
from certcheck.probe.look import Door
from certcheck.probe.moments import Attention, Clock
from certcheck.probe.outage import Beat, Outages
from certcheck.probe.watching import Pace, Post, watched
from certcheck.workflow.asking import Asking, Place, hosts, places
from certcheck.workflow.awaited import awaited
from certcheck.workflow.away import is_told, label, news, rows, stamp

MOST_PORTS = 200
_CONNECTIONS = 512  # at a time over all ports; a process usually has 1024 files
_TICK = 1.0
_KEEP_EVERY = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a watch goes: which ports are away now, of how many, after so many seconds."""

    away: tuple[str, ...]
    ports: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Who follows a watch: news in one line each, how it stands each second, the run each 10 s.

    `until` is given what ends the watch, and may call it from a signal handler.
    """

    tell: Callable[[str], None]
    stand: Callable[[Standing], None]
    keep: Callable[[Run], None]
    until: Callable[[Callable[[], None]], None]


def watch(  # noqa: PLR0913 - each is one thing that the caller decides
    blank: Run,
    endpoints: Sequence[Endpoint],
    asking: Asking,
    *,
    interval: float,
    clock: Clock,
    company: Company,
) -> Run:
    """The run with a row per endpoint and address, once `company` has ended it.

    Names are looked up once, at the start. A port that nobody has named and that never did
    anything but refuse has no row. Exit 3 when a name has no address, or when no handshake was
    ever good. Raises InputError for too many ports.
    """

    async def whole() -> Run:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def end() -> None:
            loop.call_soon_threadsafe(stop.set)

        company.until(end)
        found = await places(endpoints, asking)
        if len(found) > MOST_PORTS:
            most = f"give {MOST_PORTS} at most"
            raise InputError(f"{len(found)} ports are too many to watch", hint=most)
        vigil = _Vigil(blank, found, asking, clock, company)
        await vigil.kept_until(stop, interval)
        return vigil.run()

    return awaited(whole())


class _Vigil:
    def __init__(
        self,
        blank: Run,
        found: Sequence[Place],
        asking: Asking,
        clock: Clock,
        company: Company,
    ) -> None:
        self._blank, self._found, self._limits = blank, found, asking.limits
        self._clock, self._company = clock, company
        self._ports = [(place, Outages()) for place in found if place.address is not None]
        self._attention = Attention(clock())
        self._jumps = 0
        # None waits for another: a silent port must not make those beside it look slow.
        many = max(1, len(self._ports))
        self._most = min(asking.limits.per_host, max(2, _CONNECTIONS // many))
        wide = replace(asking.limits, per_host=self._most * many, in_all=_CONNECTIONS)
        self._gate = Gate(wide, hosts(found))

    async def kept_until(self, stop: asyncio.Event, interval: float) -> None:
        """Watch all ports until then, and tell the company meanwhile; at once without a port."""
        if not self._ports:
            return
        works = (*self._watches(interval), self._told(), _ended(stop))
        tasks = [asyncio.create_task(work) for work in works]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result  # a bug

    def run(self) -> Run:
        """The run as it would be if it ended now."""
        handshakes = sum(outages.handshakes for _, outages in self._ports)
        failed = sum(outages.failed for _, outages in self._ports)
        nameless = any(place.address is None for place in self._found)
        return replace(
            self._blank,
            rows=rows(self._ports, self._found),
            finished=self._attention.last.at.replace(microsecond=0),
            exit_code=3 if nameless or handshakes == failed else 0,
            counts={
                "ports": sum(is_told(place, outages) for place, outages in self._ports),
                "handshakes": handshakes,
                "failed": failed,
                "watched_seconds": round(self._attention.watched),
                "unwatched_seconds": round(self._attention.unwatched),
                "clock_jumps": self._jumps,
            },
            connections=self._gate.connections,
        )

    def _watches(self, interval: float) -> Iterator[Coroutine[None, None, None]]:
        paces: dict[str, Pace] = {}
        together = hosts(self._found)
        for number, (place, outages) in enumerate(self._ports):
            address = str(place.address)
            usual = Pace(interval, self._limits.back_off)
            pace = paces.setdefault(together[address], usual)
            door = Door(
                endpoint=place.dialled, address=address, gate=self._gate, limits=self._limits
            )
            # Spread over the interval: a host is not knocked at on all its ports in one moment.
            delay = interval * number / len(self._ports)
            post = Post(door=door, pace=pace, most=self._most, delay=delay)
            yield watched(post, clock=self._clock, hear=self._hears(place, outages))

    def _hears(self, place: Place, outages: Outages) -> Callable[[Beat], None]:
        def hear(beat: Beat) -> None:
            self._look_up()
            woke = self._attention.woke
            if woke is not None and beat.started.steady < woke:
                return  # connections do not survive that this machine sleeps
            for change in outages.heard(beat):
                if place.endpoint.expected or outages.spells.current:
                    self._company.tell(news(place, change))

        return hear

    async def _told(self) -> None:
        kept = float("-inf")
        while True:
            self._look_up()
            self._company.stand(self._standing())
            now = self._attention.last.steady
            if now - kept >= _KEEP_EVERY:
                kept = now
                await asyncio.to_thread(self._company.keep, self.run())
            await asyncio.sleep(_TICK)

    def _standing(self) -> Standing:
        told = [(place, outages) for place, outages in self._ports if is_told(place, outages)]
        away = tuple(label(place) for place, outages in told if outages.is_away)
        return Standing(away=away, ports=len(told), seconds=self._attention.watched)

    def _look_up(self) -> None:
        moment = self._clock()
        asleep, jump = self._attention.told(moment)
        if asleep:
            for _, outages in self._ports:
                outages.unwatched()
            self._company.tell(f"{stamp(moment)} not watched for {asleep:.0f} s: this host slept")
        if jump:
            self._jumps += 1
            self._company.tell(f"{stamp(moment)} this host's clock was set by {jump:+.0f} s")


async def _ended(stop: asyncio.Event) -> None:
    await stop.wait()
