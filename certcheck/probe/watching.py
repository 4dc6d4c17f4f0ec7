"""One handshake after the other with a port, on a fixed beat, whatever becomes of each."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from certcheck.probe.handshake import Variant
from certcheck.probe.limits import GO_AWAY, Missed
from certcheck.probe.look import Door, Look
from certcheck.probe.moments import Clock, Moment
from certcheck.probe.outage import Beat

UNFINISHED = "unfinished"
_HANGING = 2  # so many at once, and the port is silent rather than slow
_UNDECIDED = 1.0
_SLOWEST = 60.0
_PATIENT = 10


class Pace:
    """Seconds between two handshakes with a port, the same for all ports of a host.

    A server that turns us away (421, BYE) gets half as many, and again, down to one a minute;
    after 10 good handshakes in a row it gets twice as many, up to what was wanted.
    """

    def __init__(self, interval: float, back_off: float) -> None:
        self.seconds = self._wanted = interval
        self._back_off = back_off
        self._good = 0
        self._slowed = float("-inf")

    def turned_away(self, now: float) -> None:
        """A server of the host wants to be left alone; what several ports say at once is one no."""
        self._good = 0
        if now - self._slowed >= self.seconds:
            self._slowed = now
            self.seconds = max(self._wanted, min(_SLOWEST, max(2 * self.seconds, self._back_off)))

    def served(self) -> None:
        """A handshake was good."""
        self._good += 1
        if self._good >= _PATIENT:
            self._good = 0
            self.seconds = max(self._wanted, self.seconds / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A port to be watched: `most` handshakes at a time, the first one after `delay` seconds."""

    door: Door
    pace: Pace
    most: int
    delay: float


async def watched(post: Post, *, clock: Clock, hear: Callable[[Beat], None]) -> None:
    """Handshakes until it is cancelled; `hear` is told of each, in the order of their starts.

    They do not wait for each other. While two are under way the server is silent: then one is
    started every `timeout / most` seconds, and none while `most` are under way. One that is cut
    off at the end is `unfinished`, and told only if it took a second longer than any good one.
    """
    row = _Row(clock, hear)
    try:
        async with asyncio.TaskGroup() as handshakes:
            await asyncio.sleep(post.delay)
            await _beat(post, row, handshakes)
    finally:
        row.end()


async def _beat(post: Post, row: "_Row", handshakes: asyncio.TaskGroup) -> None:
    loop = asyncio.get_running_loop()
    silence = post.door.limits.timeout / post.most
    begun, due = float("-inf"), loop.time()
    while True:
        hanging = row.under_way >= _HANGING and loop.time() - begun < silence
        if not hanging and row.under_way < post.most:
            begun = loop.time()
            handshakes.create_task(_handshake(post, row, row.start()))
        # A beat that was missed, as while the machine slept, is not made up for.
        due = max(due + post.pace.seconds, loop.time())
        await asyncio.sleep(due - loop.time())


async def _handshake(post: Post, row: "_Row", slot: "_Slot") -> None:
    variant = Variant(server_name=post.door.endpoint.host.server_name)
    look = await post.door.visit(variant)
    missed = _failure(look, implicit=post.door.endpoint.tls_mode == "implicit")
    if missed and missed.reason in GO_AWAY:
        post.pace.turned_away(asyncio.get_running_loop().time())
    elif not missed:
        post.pace.served()
    row.finish(slot, look, missed)


def _failure(look: Look, *, implicit: bool) -> Missed | None:
    """Why a customer could not have gone on: a greeting inside TLS counts, our goodbye does not."""
    said_goodbye = any(line.startswith("C: ") for line in look.transcript)
    if look.inside and (look.turned_away or (implicit and not said_goodbye)):
        demanded = look.shaken and look.shaken.client_certificate == "required"
        return None if demanded else look.inside
    return look.missed


@dataclass(slots=True, eq=False)
class _Slot:
    started: Moment
    beat: Beat | None = field(default=None)


class _Row:
    """The handshakes of one port that are under way or wait for one that was started earlier."""

    def __init__(self, clock: Clock, hear: Callable[[Beat], None]) -> None:
        self.under_way = 0
        self._clock, self._hear = clock, hear
        self._slots = deque[_Slot]()
        self._slowest = 0.0

    def start(self) -> _Slot:
        self.under_way += 1
        slot = _Slot(self._clock())
        self._slots.append(slot)
        return slot

    def finish(self, slot: _Slot, look: Look, missed: Missed | None) -> None:
        self.under_way -= 1
        ended = self._clock()
        if missed or not look.shaken:
            kind, detail = (missed.reason, missed.detail) if missed else ("handshake_failed", "")
            slot.beat = Beat(started=slot.started, ended=ended, kind=kind, detail=detail)
        else:
            self._slowest = max(self._slowest, ended.steady - slot.started.steady)
            leaf = look.shaken.chain[0].sha256
            slot.beat = Beat(started=slot.started, ended=ended, leaf=leaf)
        while self._slots and (beat := self._slots[0].beat):
            self._slots.popleft()
            self._hear(beat)

    def end(self) -> None:
        now = self._clock()
        for slot in self._slots:
            took = now.steady - slot.started.steady
            if slot.beat is None and took > self._slowest + _UNDECIDED:
                detail = f"no handshake after {took:.0f} s, when the watch ended"
                slot.beat = Beat(started=slot.started, ended=now, kind=UNFINISHED, detail=detail)
            if slot.beat:
                self._hear(slot.beat)
