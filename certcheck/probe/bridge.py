"""The loopback bridge between sslyze and a mail server: it dials, talks, paces, and asks again.

sslyze reads a hang-up, a reset, silence and garbage as "suite rejected". So nothing of that kind
reaches it unless it was confirmed; what stays doubtful is a taint, told out of band.
"""

import asyncio
import base64
import contextlib
import hmac
import secrets
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from certcheck.probe.crossing import Crossing, Question
from certcheck.probe.doubt import Doubt
from certcheck.probe.grouped import Grouped
from certcheck.probe.look import Door

_MAX_HEADER = 8 * 1024
_PATIENCE = 30.0
_ALERT = 21  # RFC 8446 5.1


@dataclass(slots=True)
class Bridge:
    """An open bridge: where it listens, who may use it, and what it could not clear up."""

    door: Door
    doubt: Doubt
    grouped: Grouped | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    port: int = 0


@contextlib.asynccontextmanager
async def bridged(
    door: Door, doubt: Doubt, grouped: Grouped | None = None
) -> AsyncIterator[Bridge]:
    """A bridge to the door's endpoint, on a free loopback port, while the block runs.

    With `grouped`, suites that the server may refuse are asked for many at a time.

    It is an HTTP proxy that knows CONNECT only, and only with its token; the user names the topic.
    Raises OSError when it cannot listen.
    """
    bridge = Bridge(door, doubt, grouped)
    clients: set[asyncio.Task[None]] = set()

    # No coroutine: a client that has connected is in `clients` before anything else can happen.
    def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_welcomed(bridge, reader, writer))
        clients.add(task)
        task.add_done_callback(clients.discard)

    # Made here, as asyncio keeps silent about a socket that cannot be had.
    listener = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.start_server(
        welcome, sock=listener, limit=_MAX_HEADER, start_serving=False
    )
    bridge.port = listener.getsockname()[1]
    try:
        await server.start_serving()
        yield bridge
    finally:
        server.close()
        left = tuple(clients)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await server.wait_closed()


async def _welcomed(
    bridge: Bridge, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError):
            await _served(bridge, reader, writer)
    finally:
        writer.close()


async def _served(
    bridge: Bridge, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    async with asyncio.timeout(_PATIENCE):
        header = await reader.readuntil(b"\r\n\r\n")
        topic = _topic(header, bridge.token)
        if topic is None:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        # Lazy: nobody is dialled before the hello, as a quarter of sslyze's connections has none.
        hello = await _hello(reader)
    if hello[0] == _ALERT:
        return  # sslyze found nothing to offer
    crossing = Crossing(bridge.door, bridge.doubt, Question(hello=hello, topic=topic))
    await crossing.run(reader, writer, bridge.grouped)


def _topic(header: bytes, token: str) -> str | None:
    fields = [line.partition(b": ") for line in header.split(b"\r\n")]
    given = next((value for name, _, value in fields if name == b"Proxy-Authorization"), b"")
    try:
        decoded = base64.b64decode(given.removeprefix(b"Basic "), validate=True)
    except ValueError:
        return None
    user, _, password = decoded.partition(b":")
    known = hmac.compare_digest(password, token.encode()) and header.startswith(b"CONNECT ")
    return user.decode("ascii", "backslashreplace") if known else None


async def _hello(reader: asyncio.StreamReader) -> bytes:
    start = await reader.readexactly(2)
    if start[0] & 0x80:  # an SSLv2 record: 15 bits of length
        return start + await reader.readexactly(int.from_bytes(start) & 0x7FFF)
    rest = await reader.readexactly(3)
    return start + rest + await reader.readexactly(int.from_bytes(rest[1:]))
