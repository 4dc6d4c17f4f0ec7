"""One connection to a mail server: bytes in and out with a deadline, and lines with caps on top."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from typing import Literal, Protocol

from certcheck.model.observation import Reason
from certcheck.probe.limits import ProbeError

MAX_LINE = 8 * 1024
MAX_BYTES = 64 * 1024
MAX_LINES = 100
_SHOWN = 200
_CHUNK = 4096

Stage = Literal["greeting", "tls"]
_SILENT: dict[Stage, Reason] = {"greeting": "greeting_timeout", "tls": "handshake_timeout"}
_HUNG_UP: dict[Stage, Reason] = {"greeting": "unreachable", "tls": "closed_after_go_ahead"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How much a server may say: the default is meant for strangers, before anybody logs in."""

    line: int = MAX_LINE
    lines: int = MAX_LINES
    size: int = MAX_BYTES


def escaped(data: bytes) -> str:
    r"""Server bytes as printable ASCII: all else, also ESC and bidi marks, as `\xNN`."""
    text = data.decode("ascii", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def shown(data: bytes) -> str:
    """The same for a person to read: cut at 200 characters."""
    text = escaped(data[: _SHOWN + 1])
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


class Stream(Protocol):
    """Bytes to and from a server, plain or inside TLS; a TimeoutError ends what takes too long."""

    async def recv(self) -> bytes:
        """The next bytes; empty at the end. Raises TimeoutError, OSError."""
        ...

    async def send(self, data: bytes) -> None:
        """Send all of `data`. Raises TimeoutError, OSError."""
        ...


class Tcp:
    """A TCP connection with one deadline (loop time) for all that happens on it.

    `own_address` is this end of it.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.deadline = deadline
        self.own_address: str = sock.getsockname()[0]
        self._sock = sock
        self._loop = asyncio.get_running_loop()

    async def recv(self) -> bytes:
        """The next bytes; empty at the end. Raises TimeoutError, OSError."""
        if self._in_time:
            with contextlib.suppress(BlockingIOError):
                return self._sock.recv(_CHUNK)
        async with asyncio.timeout_at(self.deadline):
            return await self._loop.sock_recv(self._sock, _CHUNK)

    async def send(self, data: bytes) -> None:
        """Send all of `data`. Raises TimeoutError, OSError."""
        if self._in_time:
            with contextlib.suppress(BlockingIOError):
                data = data[self._sock.send(data) :]
        if data:
            async with asyncio.timeout_at(self.deadline):
                await self._loop.sock_sendall(self._sock, data)

    @property
    def _in_time(self) -> bool:
        # What need not wait needs no timer, which costs more than all the rest.
        return self._loop.time() < self.deadline

    def waiting(self) -> bytes:
        """Bytes that have arrived and were not read yet; they stay where they are."""
        try:
            return self._sock.recv(_CHUNK, socket.MSG_PEEK)
        except OSError:
            return b""

    def allow(self, seconds: float) -> None:
        """Set the deadline to `seconds` from now."""
        self.deadline = self._loop.time() + seconds

    def hurry(self, seconds: float) -> None:
        """Move the deadline so that at most `seconds` are left."""
        self.deadline = min(self.deadline, self._loop.time() + seconds)

    async def parted(self, *, within: float) -> None:
        """Close this end, and wait until the server has closed its own; never raises."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            self.hurry(within)
            while await self.recv():
                pass

    def close(self) -> None:
        """Close the connection; never raises."""
        with contextlib.suppress(OSError):
            self._sock.close()


async def dial(address: str, port: int, *, within: float) -> Tcp:
    """A connection to `address`, an IP literal, for `within` s; raises ProbeError."""
    deadline = asyncio.get_running_loop().time() + within
    family = _family(address)
    try:
        with contextlib.ExitStack() as undo:
            sock = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
            await _connected(sock, address, port, deadline)
            tcp = Tcp(sock, deadline)
            undo.pop_all()
            return tcp
    except OSError as e:  # too many open files, too
        raise _unconnected(e, within) from e


async def _connected(sock: socket.socket, address: str, port: int, deadline: float) -> None:
    sock.settimeout(0)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if address == "127.0.0.1":
        # Dovecot takes 127.0.0.1 -> 127.0.0.1 for secured and hides LOGINDISABLED.
        sock.bind(("127.0.0.2", 0))
    # Who resets had accepted us. Whether that is told here or by the first read is up to chance,
    # so it is told there.
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout_at(deadline):
            await asyncio.get_running_loop().sock_connect(sock, (address, port))


def _family(address: str) -> socket.AddressFamily:
    try:
        six = isinstance(ipaddress.ip_address(address), ipaddress.IPv6Address)
    except ValueError as e:
        what = shown(ascii(address).encode())
        raise ProbeError("unreachable", f"this is no IP address: {what}") from e
    return socket.AF_INET6 if six else socket.AF_INET


def _unconnected(error: OSError, within: float) -> ProbeError:
    match error:
        case ConnectionRefusedError():
            return ProbeError("refused", "the port is closed: connection refused")
        case TimeoutError():
            return ProbeError("unreachable", f"no connection within {within:g} s")
        case _:
            return ProbeError("unreachable", error.strerror or str(error))


class Wire:
    """Lines over a stream, capped, and a transcript of both directions.

    `stage` decides what silence and a hang-up mean. `last_line` is the last one that came in.
    Every failure is a ProbeError.
    """

    def __init__(self, stream: Stream, transcript: list[str]) -> None:
        self.stage: Stage = "greeting"
        self.transcript = transcript
        self._stream = stream
        self._caps = Caps()
        self._asked = ""
        self.last_line = b""
        self._buffer = bytearray()
        self._bytes = 0
        self._lines = 0

    async def read_line(self) -> bytes:
        """The next line without its CRLF (or bare LF); raises ProbeError."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > self._caps.line + len(b"\r"):
                raise ProbeError("oversized", f"a line longer than {self._caps.line} bytes")
            await self._fill()
        line = self._taken(end + 1).rstrip(b"\r\n")
        self._lines += 1
        self.last_line = line
        self._note("S", line)
        caps = self._caps
        if len(line) > caps.line or self._lines > caps.lines:
            raise ProbeError(
                "oversized", f"more than {caps.lines} lines or {caps.line} bytes a line"
            )
        return line

    async def read_exactly(self, size: int) -> bytes:
        """The next `size` bytes, such as an IMAP literal; raises ProbeError."""
        if size > self._caps.size:
            raise ProbeError("oversized", f"a literal of {size} bytes")
        while len(self._buffer) < size:
            await self._fill()
        return self._taken(size)

    async def send_line(self, line: str) -> None:
        """Send one command; raises ProbeError."""
        await self.send(line.encode("ascii") + b"\r\n", told=line)

    async def send(self, data: bytes, *, told: str) -> None:
        """Send bytes that may hold a password; transcript and errors know them as `told`."""
        self._asked = told
        self._note("C", told.encode("ascii"))
        try:
            await self._stream.send(data)
        except OSError as e:
            raise self._broken(e) from e

    def widen(self, caps: Caps) -> None:
        """Let the server say this much in all: it is known by now, and has let us in."""
        self._caps = caps

    def unread(self) -> bytes:
        """Bytes that were received beyond the last line that was read."""
        return bytes(self._buffer)

    def _taken(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _note(self, who: str, line: bytes) -> None:
        if len(self.transcript) < 2 * MAX_LINES:
            self.transcript.append(f"{who}: {shown(line)}")

    async def _fill(self) -> None:
        try:
            data = await self._stream.recv()
        except OSError as e:
            raise self._broken(e) from e
        if not data:
            raise self._broken(None)
        self._buffer += data
        self._bytes += len(data)
        if self._bytes > self._caps.size:
            raise ProbeError("oversized", f"more than {self._caps.size} bytes of dialogue")
        if not self._lines and self._buffer.startswith((b"\x15\x03", b"\x16\x03")):
            raise ProbeError("tls_on_plain_port", "the server sends TLS records, not a greeting")

    def _broken(self, error: OSError | None) -> ProbeError:
        if self._buffer:
            self._note("S", bytes(self._buffer))
        noted = next((x[3:] for x in reversed(self.transcript) if x.startswith("C: ")), "")
        last = shown(self._asked.encode("ascii")) or noted
        after = f"after {last}" if last else "before a greeting"
        if isinstance(error, TimeoutError):
            return ProbeError(_SILENT[self.stage], f"the server stays silent {after}")
        if isinstance(error, ssl.SSLError):
            return ProbeError("handshake_failed", f"TLS ends: {error.reason or error} {after}")
        why = "resets" if error else "closes"
        return ProbeError(
            _HUNG_UP[self.stage], f"the server {why} the connection {after}", hung_up=True
        )
