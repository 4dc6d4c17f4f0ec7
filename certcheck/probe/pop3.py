"""The dialogue of POP3 up to STLS (RFC 1939, RFC 2449, RFC 2595)."""

from certcheck.probe.limits import ProbeError
from certcheck.probe.script import Said, garbled, go_away, not_offered, refused, wrong_protocol
from certcheck.probe.wire import Wire, escaped, shown

FAREWELL = "QUIT"


class Pop3:
    """POP3 before login."""

    async def greet(self, wire: Wire) -> Said:
        """The greeting; -ERR raises, as the server wants no session now."""
        line = await wire.read_line()
        ok = _verdict(line)
        if ok is None:
            raise wrong_protocol(line, "POP3")
        if not ok:
            raise ProbeError(go_away(line, usual="bye"), f"the server refuses: {shown(line)}")
        return Said(greeting=shown(line))

    async def ask(self, wire: Wire) -> Said:
        """The answer to CAPA; `words` stay None when the server does not know it (RFC 2449 5)."""
        await wire.send_line("CAPA")
        line = await wire.read_line()
        ok = _verdict(line)
        if ok is None:
            raise wrong_protocol(line, "POP3")
        words: list[str] = []
        while ok and (line := await wire.read_line()) != b".":
            words.append(escaped(line.removeprefix(b".") if line.startswith(b"..") else line))
        auth = next((each.split()[1:] for each in words if each.upper().startswith("SASL ")), [])
        return Said(words=tuple(words) if ok else None, auth=tuple(a.upper() for a in auth))

    async def start_tls(self, wire: Wire, said: Said) -> None:
        """STLS, tried without CAPA too, and +OK for an answer."""
        if said.words is not None and not said.offers("STLS"):
            raise not_offered("STLS")
        wire.stage = "tls"
        await wire.send_line("STLS")
        line = await wire.read_line()
        ok = _verdict(line)
        if ok is None:
            raise garbled("STLS", line)
        if not ok:
            raise refused("STLS", line, offered=said.words is not None)

    async def ask_inside(self, wire: Wire) -> Said:
        """What was said before TLS is void: CAPA again (RFC 2595 4)."""
        return await self.ask(wire)

    async def leave(self, wire: Wire) -> None:
        """QUIT."""
        await wire.send_line(FAREWELL)
        await wire.read_line()


def _verdict(line: bytes) -> bool | None:
    word = line.split(b" ")[0].upper()
    return {b"+OK": True, b"-ERR": False}.get(word)
