"""The dialogue of ManageSieve up to STARTTLS (RFC 5804)."""

import re

from certcheck.probe.limits import ProbeError
from certcheck.probe.script import Said, garbled, go_away, not_offered, refused, wrong_protocol
from certcheck.probe.wire import Wire, escaped, shown

FAREWELL = "LOGOUT"
_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\s+"((?:[^"\\]|\\.)*)")?\s*')
_LITERAL = re.compile(rb"\{(\d{1,9})\+?\}$")
_FINAL = re.compile(rb"(OK|NO|BYE)\b", re.IGNORECASE)


class Sieve:
    """ManageSieve before login."""

    async def greet(self, wire: Wire) -> Said:
        """The greeting, which is the list of capabilities (RFC 5804 1.7)."""
        said = await self._capabilities(wire)
        if said is None:
            raise wrong_protocol(wire.last_line, "ManageSieve")
        return said

    async def ask(self, wire: Wire) -> Said:
        """The answer to CAPABILITY."""
        await wire.send_line("CAPABILITY")
        return await self.greet(wire)

    async def start_tls(self, wire: Wire, said: Said) -> None:
        """STARTTLS, and OK for an answer."""
        if not said.offers("STARTTLS"):
            raise not_offered("STARTTLS")
        wire.stage = "tls"
        await wire.send_line("STARTTLS")
        line = await logical_line(wire)
        final = _FINAL.match(line)
        if not final:
            raise garbled("STARTTLS", line)
        if final[1].upper() == b"BYE":
            raise _bye(line)
        if final[1].upper() == b"NO":
            raise refused("STARTTLS", line, offered=True)

    async def ask_inside(self, wire: Wire) -> Said:
        """The server repeats its capabilities unasked (RFC 5804 2.2)."""
        return await self.greet(wire)

    async def leave(self, wire: Wire) -> None:
        """LOGOUT."""
        await wire.send_line(FAREWELL)
        await wire.read_line()

    async def _capabilities(self, wire: Wire) -> Said | None:
        words: list[str] = []
        greeting = ""
        while not (final := _FINAL.match(line := await logical_line(wire))):
            pair = _PAIR.fullmatch(escaped(line))
            if not pair:
                return None
            name, value = pair[1].upper(), pair[2]
            greeting = value if name == "IMPLEMENTATION" and value else greeting
            words.append(f"{name} {value or ''}".rstrip())
        if final[1].upper() != b"OK":
            raise _bye(line)
        auth = next((w.split()[1:] for w in words if w.startswith("SASL ")), [])
        return Said(greeting=greeting or shown(line), words=tuple(words), auth=tuple(auth))


async def logical_line(wire: Wire) -> bytes:
    """The next line, with its strings in quotes; raises ProbeError."""
    # RFC 5804 4: a string may come as a literal; it is read as if it stood in quotes.
    line = await wire.read_line()
    while open_ := _LITERAL.search(line):
        literal = await wire.read_exactly(int(open_[1]))
        quoted = b'"' + literal.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        line = line[: open_.start()] + quoted + await wire.read_line()
    return line


def _bye(line: bytes) -> ProbeError:
    return ProbeError(go_away(line, usual="bye"), f"the server says goodbye: {shown(line)}")
