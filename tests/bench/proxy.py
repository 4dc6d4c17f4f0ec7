"""A link of a chosen length: a proxy that delays both ways, and counts connections."""

import asyncio
import json
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_ROOT = Path(__file__).parent.parent.parent
_ANSWER = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Who connects to `address` gets to `upstream`, both at `port`, `delay` seconds away."""

    address: str
    upstream: str
    port: int
    delay: float


@dataclass(slots=True)
class Count:
    """Connections since the last question: all of them, and the most at one time."""

    connections: int = 0
    at_once: int = 0


class _Tally:
    def __init__(self) -> None:
        self.count = Count()
        self.ends: set[_End] = set()
        self._open = 0

    def came(self) -> None:
        self._open += 1
        self.count.connections += 1
        self.count.at_once = max(self.count.at_once, self._open)

    def went(self) -> None:
        self._open -= 1

    def taken(self) -> Count:
        count, self.count = self.count, Count(at_once=self._open)
        return count


class _End(asyncio.Protocol):
    """One end of a relayed connection; what it hears comes out of `other` after the delay."""

    def __init__(
        self, delay: float, ends: "set[_End]", gone: Callable[[], None] = lambda: None
    ) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None
        self._delay, self._gone, self._ends = delay, gone, ends
        self._waiting: deque[Callable[[_End], None]] = deque()
        self._is_gone = self._is_finished = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._ends.add(self)

    def data_received(self, data: bytes) -> None:
        self._after_the_way(lambda other: other.write(data))

    def eof_received(self) -> bool:
        self._leave()
        self._after_the_way(_End.finish)
        return not self._is_finished  # both ways are over, and asyncio closes

    def connection_lost(self, exc: Exception | None) -> None:
        self._ends.discard(self)
        self._leave()
        self._after_the_way(_End.reset if exc else _End.close)

    def write(self, data: bytes) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.write(data)

    def finish(self) -> None:
        self._is_finished = True
        if self._is_gone:
            self.close()
        elif self.transport and not self.transport.is_closing():
            with suppress(OSError):  # it is reset, and we are about to hear of it
                self.transport.write_eof()

    def close(self) -> None:
        if self.transport:
            self.transport.close()

    def reset(self) -> None:
        if self.transport:
            self.transport.abort()

    def _leave(self) -> None:
        if not self._is_gone:
            self._is_gone = True
            self._gone()

    # In the order in which it came: timers of the same instant have none.
    def _after_the_way(self, what: Callable[["_End"], None]) -> None:
        self._waiting.append(what)
        asyncio.get_running_loop().call_later(self._delay, self._arrive)

    def _arrive(self) -> None:
        what = self._waiting.popleft()
        if self.other:
            what(self.other)


class _Client(_End):
    """A client, whose connection the server hears of when three ways are behind it.

    On a real link SYN, SYN-ACK and the first bytes take one way each; here the kernel has answered
    the SYN at once, so that the client is two ways ahead of its time.
    """

    def __init__(self, link: Link, tally: _Tally) -> None:
        super().__init__(link.delay, tally.ends, tally.went)
        self._link, self._tally = link, tally
        self._early: list[Callable[[_End], None]] | None = []
        self._dialling: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._tally.came()
        self._dialling = asyncio.ensure_future(self._dial())

    async def _dial(self) -> None:
        await asyncio.sleep(3 * self._delay)
        try:
            _, server = await asyncio.get_running_loop().create_connection(
                lambda: _End(self._delay, self._tally.ends), self._link.upstream, self._link.port
            )
        except OSError:
            self.reset()
            return
        self.other, server.other = server, self
        early, self._early = self._early or [], None
        for what in early:
            what(server)

    def _arrive(self) -> None:
        if self._early is None:
            super()._arrive()
        else:
            self._early.append(self._waiting.popleft())


@asynccontextmanager
async def linked(links: Sequence[Link]) -> AsyncIterator[Callable[[], list[Count]]]:
    """The links while the block runs; a call takes the count of each, and begins a new one."""
    loop = asyncio.get_running_loop()
    tallies = [_Tally() for _ in links]
    servers = [
        await loop.create_server(
            lambda link=link, tally=tally: _Client(link, tally),  # type: ignore[misc]
            *(link.address, link.port),
            backlog=1024,
        )
        for link, tally in zip(links, tallies, strict=True)
    ]
    try:
        yield lambda: [tally.taken() for tally in tallies]
    finally:
        for server in servers:
            server.close()
        while ends := [end for tally in tallies for end in tally.ends]:
            for end in ends:
                end.reset()
            await asyncio.sleep(0)


class Proxy:
    """The links, in a process of their own."""

    def __init__(self, process: "subprocess.Popen[str]", links: Sequence[Link]) -> None:
        self._process, self._links = process, links

    def taken(self) -> dict[str, Count]:
        """What was counted at each address since the last call."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("count\n")
        self._process.stdin.flush()
        counts = json.loads(self._process.stdout.readline())
        return {
            link.address: Count(**count) for link, count in zip(self._links, counts, strict=True)
        }


@contextmanager
def running(links: Sequence[Link]) -> Iterator[Proxy]:
    """A process with these links, until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.proxy", json.dumps([asdict(each) for each in links])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
    ) as process:
        try:
            proxy = Proxy(process, links)
            proxy.taken()  # it listens when it answers
            yield proxy
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(_ANSWER)


async def _serve(links: Sequence[Link]) -> None:
    loop = asyncio.get_running_loop()
    async with linked(links) as taken:
        while await loop.run_in_executor(None, sys.stdin.readline):
            sys.stdout.write(json.dumps([asdict(count) for count in taken()]) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve([Link(**each) for each in json.loads(sys.argv[1])]))
