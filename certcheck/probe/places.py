"""How many children run sslyze at a time; one that is done goes on with the next server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

from certcheck.probe.child import Child


class Place:
    """The right to ask a child, and the child, once there is one."""

    def __init__(self, child: Child | None) -> None:
        self.held = child

    async def child(self, argv: Sequence[str], environment: Mapping[str, str]) -> Child:
        """One that is fit to be asked, of those that run `argv`; raises LeashError."""
        if self.held is None or not self.held.is_fit:
            await _ended(self.held)
            self.held = await Child.started(argv, environment)
        return self.held


class Places:
    """So many places; children live on only while somebody waits for one."""

    def __init__(self, number: int) -> None:
        self._free = asyncio.Semaphore(number)
        self._idle: list[Child] = []
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[Place]:
        """A place, when it is this one's turn."""
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
            await self._end_idle(more_than=self._waiting + 1)
        place = Place(self._idle.pop() if self._idle else None)
        try:
            yield place
        finally:
            try:
                await self._left(place.held)
            finally:
                self._free.release()

    async def _left(self, child: Child | None) -> None:
        if child and child.is_fit and len(self._idle) < self._waiting:
            self._idle.append(child)
        else:
            await _ended(child)

    async def _end_idle(self, *, more_than: int) -> None:
        while len(self._idle) > more_than:
            await self._idle.pop().end()


async def _ended(child: Child | None) -> None:
    if child:
        await child.end()
