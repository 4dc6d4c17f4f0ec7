"""The dialogue of IMAP up to STARTTLS (RFC 9051, RFC 3501)."""

import re
from dataclasses import dataclass

from certcheck.probe.limits import ProbeError
from certcheck.probe.script import Said, garbled, go_away, not_offered, refused, wrong_protocol
from certcheck.probe.wire import Wire, escaped, shown

FAREWELL = "z LOGOUT"
_GREETING = re.compile(rb"\* (OK|PREAUTH|BYE)(?: (.*))?", re.IGNORECASE | re.DOTALL)
_IN_GREETING = re.compile(r"\[CAPABILITY ([^\]]*)\]", re.IGNORECASE)
_UNTAGGED = re.compile(r"\* CAPABILITY (.*)", re.IGNORECASE)
# RFC 9051 7.1: the response code may stand in any OK.
_IN_OK = re.compile(r"\S+ OK \[CAPABILITY ([^\]]*)\].*", re.IGNORECASE)
_STATUS = re.compile(rb"\* (OK|NO|BAD|BYE|PREAUTH)\b", re.IGNORECASE)
_LITERAL = re.compile(rb"\{(\d{1,9})\+?\}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A tagged answer (or an untagged BAD, when the server could not read our tag)."""

    status: str
    line: bytes
    untagged: tuple[bytes, ...]


class Imap:
    """IMAP before login."""

    async def greet(self, wire: Wire) -> Said:
        """The greeting and the capabilities in it; BYE and PREAUTH raise (RFC 9051 7.1)."""
        line = await wire.read_line()
        parsed = _GREETING.fullmatch(line)
        if not parsed:
            raise wrong_protocol(line, "IMAP")
        kind = parsed[1].upper()
        if kind == b"BYE":
            raise _bye(line)
        greeting = shown(line)
        named = _IN_GREETING.search(escaped(line))
        said = _said(named[1].split()) if named else Said()
        if kind == b"PREAUTH":
            # RFC 9051 11.1: STARTTLS cannot be had any more; a client must hang up.
            raise ProbeError("preauth", f"the session is logged in without TLS: {greeting}")
        # RFC 9051 7.1 calls it an initial list; Cyrus 3.6 names 6 of its 50 capabilities there.
        return Said(greeting=greeting, words=said.words, auth=said.auth, partial=True)

    async def ask(self, wire: Wire) -> Said:
        """The answer to CAPABILITY."""
        answer = await _command(wire, "CAPABILITY")
        if answer is None:
            raise wrong_protocol(wire.last_line, "IMAP")
        lines = [escaped(line) for line in (*answer.untagged, answer.line)]
        return _said(_named(_UNTAGGED, lines) or _named(_IN_OK, lines))

    async def start_tls(self, wire: Wire, said: Said) -> None:
        """STARTTLS, and a tagged OK for an answer."""
        if not said.offers("STARTTLS"):
            raise not_offered("STARTTLS")
        wire.stage = "tls"
        answer = await _command(wire, "STARTTLS")
        if answer is None:
            raise garbled("STARTTLS", wire.last_line)
        if answer.status != "OK":
            raise refused("STARTTLS", answer.line, offered=True)

    async def ask_inside(self, wire: Wire) -> Said:
        """What was said before TLS is void: CAPABILITY again (RFC 9051 6.2.1)."""
        return await self.ask(wire)

    async def leave(self, wire: Wire) -> None:
        """LOGOUT; the BYE that answers it is no refusal."""
        await wire.send_line(FAREWELL)
        while not (await wire.read_line()).startswith(b"z "):
            pass


async def _command(wire: Wire, verb: str) -> Answer | None:
    tag = verb[0].lower().encode() + b"1"
    await wire.send_line(f"{tag.decode()} {verb}")
    untagged: list[bytes] = []
    while True:
        line = await _logical_line(wire)
        if line.startswith(b"* "):
            if line[2:5].upper() == b"BYE":
                raise _bye(line)
            untagged.append(line)
            if line[2:5].upper() != b"BAD":
                continue
        # Nothing was sent that could be gone on with; only a go-ahead must be clear.
        if line.startswith(b"+ ") and verb == "CAPABILITY":
            continue
        status = line.partition(b" ")[2].partition(b" ")[0].upper()
        ours = line.startswith((tag + b" ", b"* "))
        if not ours or status not in (b"OK", b"NO", b"BAD"):
            return None
        return Answer(status=status.decode(), line=line, untagged=tuple(untagged))


async def _logical_line(wire: Wire) -> bytes:
    # RFC 9051 4.3: a literal goes on after its bytes. Free text after OK or BYE has no literals.
    line = rest = await wire.read_line()
    while line.startswith(b"* ") and not _STATUS.match(line) and (open_ := _LITERAL.search(rest)):
        literal = await wire.read_exactly(int(open_[1]))
        rest = await wire.read_line()
        line += literal + rest
    return line


def _named(pattern: re.Pattern[str], lines: list[str]) -> list[str]:
    found = (pattern.fullmatch(line) for line in lines)
    return [word for each in found if each for word in each[1].split()]


def _bye(line: bytes) -> ProbeError:
    return ProbeError(go_away(line, usual="bye"), f"the server says goodbye: {shown(line)}")


def _said(words: list[str]) -> Said:
    auth = tuple(word[5:].upper() for word in words if word.upper().startswith("AUTH="))
    return Said(words=tuple(words), auth=auth)
