"""Lines over a connection to a mail server, with caps on what it may say, and a transcript."""

import ssl
from dataclasses import dataclass
from typing import Literal, Protocol

from certcheck.model.observation import Reason
from certcheck.probe.limits import ProbeError

MAX_LINE = 8 * 1024
MAX_BYTES = 64 * 1024
MAX_LINES = 100
_SHOWN = 200

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
