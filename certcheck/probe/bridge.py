"""The loopback bridge between sslyze and a mail server: it dials, talks, paces, and asks again.

sslyze reads a hang-up, a reset, silence and garbage as "suite rejected". So nothing of that kind
reaches it unless it was confirmed; what stays doubtful is a taint, told out of band.
"""

import asyncio
import base64
import contextlib
import hmac
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from certcheck.probe.crossing import Crossing
from certcheck.probe.doubt import Doubt
from certcheck.probe.look import Door

USER = "certcheck"
_MAX_HEADER = 8 * 1024
_PATIENCE = 30.0


@dataclass(slots=True)
class Bridge:
    """An open bridge: where it listens, who may use it, and what it could not clear up."""

    door: Door
    doubt: Doubt
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    port: int = 0


@contextlib.asynccontextmanager
async def bridged(door: Door, doubt: Doubt) -> AsyncIterator[Bridge]:
    """A bridge to the door's endpoint, on a free loopback port, while the block runs.

    It is an HTTP proxy that knows CONNECT only, and only with the user USER and its token.
    """
    bridge = Bridge(door, doubt)
    clients: set[asyncio.Task[None]] = set()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            clients.add(task)
            task.add_done_callback(clients.discard)
        with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError):
            await _served(bridge, reader, writer)
        writer.close()

    server = await asyncio.start_server(welcome, "127.0.0.1", 0, limit=_MAX_HEADER)
    bridge.port = server.sockets[0].getsockname()[1]
    try:
        yield bridge
    finally:
        server.close()
        left = tuple(clients)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await server.wait_closed()


async def _served(
    bridge: Bridge, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    async with asyncio.timeout(_PATIENCE):
        header = await reader.readuntil(b"\r\n\r\n")
        if not _may_pass(header, bridge.token):
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        # Lazy: nobody is dialled before the hello, as a quarter of sslyze's connections has none.
        hello = await _hello(reader)
    await Crossing(bridge.door, bridge.doubt, hello).run(reader, writer)


def _may_pass(header: bytes, token: str) -> bool:
    fields = [line.partition(b": ") for line in header.split(b"\r\n")]
    given = next((value for name, _, value in fields if name == b"Proxy-Authorization"), b"")
    known = b"Basic " + base64.b64encode(f"{USER}:{token}".encode())
    return hmac.compare_digest(given, known) and header.startswith(b"CONNECT ")


async def _hello(reader: asyncio.StreamReader) -> bytes:
    start = await reader.readexactly(2)
    if start[0] & 0x80:  # an SSLv2 record: 15 bits of length
        return start + await reader.readexactly(int.from_bytes(start) & 0x7FFF)
    rest = await reader.readexactly(3)
    return start + rest + await reader.readexactly(int.from_bytes(rest[1:]))
