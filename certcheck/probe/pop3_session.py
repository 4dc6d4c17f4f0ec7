"""POP3 after login: how much is there and under which ids, and single messages (RFC 1939)."""

import hashlib
import re

from certcheck.probe.key import Key
from certcheck.probe.limits import ProbeError
from certcheck.probe.session import Session
from certcheck.probe.wire import Caps

# A maildrop with a million messages tells its ids in less than 64 MiB.
CAPS = Caps(lines=1_000_000, size=64 * 1024 * 1024)

_LONGEST_COMMAND = 255  # RFC 2449 4, with the line's end
_STAT = re.compile(rb"\+OK (\d{1,19}) \d{1,19}\b")

_MARKS = 16


class Pop3Session:
    """A session that a key opens; every failure is a ProbeError or NotIn."""

    def __init__(self, session: Session, key: Key) -> None:
        self._session = session
        self._wire = session.wire
        self._key = key

    async def log_in(self, *, seconds: float) -> None:
        """Log in by the best way that is offered; from then on all must be done in `seconds`."""
        self._session.tcp.allow(seconds)
        if "PLAIN" in self._session.said.auth:
            line = await self._authenticated()
        else:
            line = await self._asked(b"USER " + self._key.login.encode(), told="USER ...")
            if _ok(line):
                line = await self._asked(b"PASS " + self._key.password(), told="PASS ...")
        if not _ok(line):
            raise self._key.no(line)
        self._wire.widen(CAPS)

    async def _authenticated(self) -> bytes:
        # RFC 5034 4: the first answer goes with the command where both fit in a line.
        message = self._key.plain()
        command = b"AUTH PLAIN " + message
        if len(command) + 2 <= _LONGEST_COMMAND:
            return await self._asked(command, told="AUTH PLAIN ...")
        await self._wire.send(b"AUTH PLAIN\r\n", told="AUTH PLAIN")
        line = await self._wire.read_line()
        if not line.startswith(b"+ ") and line != b"+":
            return line
        return await self._asked(message, told="AUTH PLAIN ...")

    async def count(self) -> int:
        """How many messages there are."""
        line = await self._asked(b"STAT", told="STAT")
        found = _STAT.match(line)
        if not found:
            raise self._stranger("STAT", line)
        return int(found[1])

    async def ids(self) -> tuple[bytes, ...] | None:
        """The UIDLs of all messages, in their order; None where the server has none."""
        line = await self._asked(b"UIDL", told="UIDL")
        if not _ok(line):
            return None
        found = []
        while (line := await self._wire.read_line()) != b".":
            _, _, uidl = line.partition(b" ")
            if not uidl:
                raise self._stranger("UIDL", line)
            found.append(uidl)
        return tuple(found)

    async def lines(self, command: str) -> tuple[bytes, ...] | None:
        """The lines that answer TOP or RETR; None where the server says no."""
        if not _ok(await self._asked(command.encode("ascii"), told=command)):
            return None
        found = []
        while (line := await self._wire.read_line()) != b".":
            found.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return tuple(found)

    async def _asked(self, command: bytes, *, told: str) -> bytes:
        await self._wire.send(command + b"\r\n", told=told)
        line = await self._wire.read_line()
        # "+ " asks for more, where nothing more is to be said.
        if not line.upper().startswith((b"+OK", b"-ERR")):
            raise self._stranger(told, line)
        return line

    def _stranger(self, told: str, line: bytes) -> ProbeError:
        said = self._key.quoted(line)
        return ProbeError("wrong_protocol", f"the answer to {told} is none: {said}")


def digest(ids: tuple[bytes, ...]) -> str:
    """The SHA-256 of UIDLs, one a line."""
    return hashlib.sha256(b"".join(each + b"\n" for each in ids)).hexdigest()


def hashed(ids: tuple[bytes, ...]) -> tuple[str, ...]:
    """Each UIDL as the first 16 digits of its SHA-256."""
    return tuple(hashlib.sha256(each).hexdigest()[:16] for each in ids)


def marks(ids: tuple[bytes, ...]) -> tuple[str, ...]:
    """Some of them, hashed: at most 16, from all over the list."""
    step = max(1, -(-len(ids) // _MARKS))
    return hashed(ids[::step])


def _ok(line: bytes) -> bool:
    return line.upper().startswith(b"+OK")
