"""Who asks next, where more want to ask than may at once."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """At most `at_once` at a time; the lowest rank of those who wait goes first, in order."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._numbers = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def one(self, rank: int) -> AsyncIterator[None]:
        """A turn, until the block ends."""
        if self._free:
            self._free -= 1
        else:
            await self._waited(rank)
        try:
            yield
        finally:
            self._pass_on()

    async def _waited(self, rank: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._numbers), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given, and nobody took it
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            turn = heapq.heappop(self._waiting)[-1]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
