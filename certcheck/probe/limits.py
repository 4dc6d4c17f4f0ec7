"""How long, how much and how often a mail server may be asked."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from certcheck.model.observation import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of all probing; times are seconds.

    `timeout` covers connecting and the greeting, and again all that follows up to the end of the
    handshake. At most `per_host` connections at a time go to one host, `in_all` to all together.
    `scan_timeout` is the deadline of one sslyze scan, from its start to its result, and `silence`
    how long one of its hellos waits for the first word; after `between_rounds` a proof asks
    everything a second time.
    """

    # RFC 5321 4.5.3.2.1 allows 5 minutes for a greeting; postscreen waits 6 s before it speaks.
    timeout: float = 30.0
    per_host: int = 5
    in_all: int = 64
    back_off: float = 2.0
    scan_timeout: float = 180.0
    silence: float = 10.0
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
    """The one door for connections: at most `per_host` at a time and host, counted.

    `hosts` says which addresses are one host; another address is a host of its own. The gate
    remembers hosts that asked to be left alone: all their ports pause while one port backs off,
    and all are stopped when its second try is turned away, too. A scan goes on slowly. Of a host
    that nobody asks at the moment it remembers nothing else.
    """

    def __init__(self, limits: Limits, hosts: Mapping[str, str] | None = None) -> None:
        self.connections = 0
        self._limits = limits
        self._names = hosts or {}
        self._hosts: dict[str, _Host] = {}
        self._all = asyncio.Semaphore(limits.in_all)

    @asynccontextmanager
    async def admitted(self, address: str) -> AsyncIterator[None]:
        """A place for one connection to `address`; raises ProbeError when that is stopped."""
        known = self._known(address)
        known.visits += 1
        try:
            async with known.places:
                async with known.quiet:
                    pass  # nobody backs off now
                async with self._all:
                    self._count(address)
                    yield
        finally:
            known.visits -= 1
            if not (known.visits or known.slow or known.stopped):
                self._hosts.pop(self._name(address), None)

    @asynccontextmanager
    async def backed_off(self, address: str) -> AsyncIterator[None]:
        """One more connection in an admitted one's place: after a rest, and without company.

        No new connection to `address` is let through until it ends. Raises ProbeError as above.
        """
        async with self._known(address).quiet:
            self.raise_if_stopped(address)
            await asyncio.sleep(self._limits.back_off)
            self._count(address)
            yield

    async def slow_down(self, address: str) -> None:
        """Rest, with nothing let through to `address`; from then on it `is_slow`."""
        known = self._known(address)
        if not known.slow:
            known.slow = True
            async with known.quiet:
                await asyncio.sleep(self._limits.back_off)

    def is_slow(self, address: str) -> bool:
        """Whether a connection to `address` keeps its place until the server has ended it."""
        known = self._hosts.get(self._name(address))
        return known is not None and known.slow

    def stop(self, address: str, missed: Missed) -> None:
        """Let nothing more through to `address`; the first reason stays."""
        known = self._known(address)
        known.stopped = known.stopped or missed

    def stopped(self, address: str) -> Missed | None:
        """Why `address` is not asked any more, if so."""
        known = self._hosts.get(self._name(address))
        return known.stopped if known else None

    def raise_if_stopped(self, address: str) -> None:
        """Raise ProbeError with the reason of the first refusal when `address` is stopped."""
        missed = self.stopped(address)
        if missed:
            raise ProbeError(
                missed.reason, f"{address} is not asked any more; it said: {missed.detail}"
            )

    def _count(self, address: str) -> None:
        self.raise_if_stopped(address)
        self.connections += 1

    def _known(self, address: str) -> "_Host":
        name = self._name(address)
        if name not in self._hosts:
            self._hosts[name] = _Host(places=asyncio.Semaphore(self._limits.per_host))
        return self._hosts[name]

    def _name(self, address: str) -> str:
        return self._names.get(address, address)


@dataclass(slots=True, kw_only=True)
class _Host:
    """What the gate knows of one host; who holds `quiet` backs off, and the others wait."""

    places: asyncio.Semaphore
    quiet: asyncio.Lock = field(default_factory=asyncio.Lock)
    visits: int = 0
    slow: bool = False
    stopped: Missed | None = None
