"""How long, how much and how often a mail server may be asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from certcheck.model.observation import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of all probing; times are seconds, `timeout` covers one dialogue and handshake.

    `scan_timeout` is the deadline of one sslyze scan, from its start to its result; after
    `between_rounds` a proof asks everything a second time.
    """

    # RFC 5321 4.5.3.2.1 allows 5 minutes for a greeting; postscreen waits 6 s before it speaks.
    timeout: float = 30.0
    per_host: int = 5
    ehlo_name: str = "certcheck.invalid"
    back_off: float = 2.0
    scan_timeout: float = 180.0
    between_rounds: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Why no TLS session was had; `hung_up` says that it was a bare EOF or RST, without a word."""

    reason: Reason
    detail: str
    hung_up: bool = False


class ProbeError(Exception):
    """One connection cannot go on; `missed` says why. It never leaves this room."""

    def __init__(self, reason: Reason, detail: str, *, hung_up: bool = False) -> None:
        super().__init__(f"{reason}: {detail}")
        self.missed = Missed(reason=reason, detail=detail, hung_up=hung_up)


# The server asks to be left alone: back off, and stop asking when it says so again.
GO_AWAY: frozenset[Reason] = frozenset({"rate_limited", "bye"})
# A no to one hello; every other reason says that the question was not answered.
REFUSALS: frozenset[Reason] = frozenset({"handshake_failed", "closed_after_go_ahead"})


class Gate:
    """The one door for connections: at most `per_host` at a time and address, counted.

    It remembers addresses that asked to be left alone; all their ports are stopped then.
    """

    def __init__(self, limits: Limits) -> None:
        self.connections = 0
        self._per_host = limits.per_host
        self._places: dict[str, asyncio.Semaphore] = {}
        self._not_before: dict[str, float] = {}
        self._stopped: dict[str, Missed] = {}

    @asynccontextmanager
    async def admitted(self, address: str) -> AsyncIterator[None]:
        """A place for one connection to `address`; raises ProbeError when that is stopped."""
        places = self._places.setdefault(address, asyncio.Semaphore(self._per_host))
        async with places:
            await self._rested(address)
            self.raise_if_stopped(address)
            self.connections += 1
            yield

    def pause(self, address: str, seconds: float) -> None:
        """Let no new connection to `address` through for `seconds`."""
        self._not_before[address] = asyncio.get_running_loop().time() + seconds

    def stop(self, address: str, missed: Missed) -> None:
        """Let nothing more through to `address`; the first reason stays."""
        self._stopped.setdefault(address, missed)

    def stopped(self, address: str) -> Missed | None:
        """Why `address` is not asked any more, if so."""
        return self._stopped.get(address)

    def raise_if_stopped(self, address: str) -> None:
        """Raise ProbeError with the reason of the first refusal when `address` is stopped."""
        missed = self._stopped.get(address)
        if missed:
            raise ProbeError(
                missed.reason, f"{address} is not asked any more; it said: {missed.detail}"
            )

    async def _rested(self, address: str) -> None:
        loop = asyncio.get_running_loop()
        while (rest := self._not_before.get(address, 0.0) - loop.time()) > 0:  # noqa: ASYNC110 - it waits for a time, not for an event
            await asyncio.sleep(rest)
