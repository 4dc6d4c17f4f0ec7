"""ManageSieve after login: the names of the scripts (RFC 5804)."""

import re

from certcheck.probe.key import Key, NotIn
from certcheck.probe.limits import ProbeError
from certcheck.probe.session import Session
from certcheck.probe.sieve import logical_line
from certcheck.probe.wire import Caps

CAPS = Caps(line=64 * 1024, lines=100_000, size=16 * 1024 * 1024)

_FINAL = re.compile(rb"(OK|NO|BYE)\b", re.IGNORECASE)
_SCRIPT = re.compile(rb'"((?:[^"\\]|\\.)*)"( ACTIVE)? *', re.IGNORECASE)


class SieveSession:
    """A session that a key opens; every failure is a ProbeError or NotIn."""

    def __init__(self, session: Session, key: Key) -> None:
        self._session = session
        self._wire = session.wire
        self._key = key

    async def log_in(self, *, seconds: float) -> None:
        """Log in by SASL PLAIN; from then on all must be done in `seconds`."""
        self._session.tcp.allow(seconds)
        if "PLAIN" not in {each.upper() for each in self._session.said.auth}:
            raise NotIn("not_seen", "the server does not offer PLAIN")
        message = self._key.plain()
        # RFC 5804 4: a quoted string has 1024 bytes at most, and a literal is never asked for.
        await self._wire.send(
            b'AUTHENTICATE "PLAIN" {%d+}\r\n%s\r\n' % (len(message), message),
            told='AUTHENTICATE "PLAIN" ...',
        )
        line = await logical_line(self._wire)
        found = _FINAL.match(line)
        if not found:
            raise self._stranger(line)
        if found[1].upper() != b"OK":
            raise self._key.no(line)
        self._wire.widen(CAPS)

    async def scripts(self) -> tuple[tuple[str, ...], str | None]:
        """The names of the scripts, sorted, and the active one."""
        await self._wire.send_line("LISTSCRIPTS")
        names: list[str] = []
        active = None
        while not (final := _FINAL.match(line := await logical_line(self._wire))):
            found = _SCRIPT.fullmatch(line)
            if not found:
                raise self._stranger(line)
            name = re.sub(rb"\\(.)", rb"\1", found[1]).decode("utf-8", "backslashreplace")
            names.append(name)
            active = name if found[2] else active
        if final[1].upper() != b"OK":
            raise ProbeError("bye", f"LISTSCRIPTS: {self._key.quoted(line)}")
        return tuple(sorted(names)), active

    def _stranger(self, line: bytes) -> ProbeError:
        return ProbeError("wrong_protocol", f"this is no answer: {self._key.quoted(line)}")
