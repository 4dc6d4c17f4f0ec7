"""The dialogue of SMTP and LMTP up to STARTTLS (RFC 5321, RFC 2033, RFC 3207)."""

import re
from dataclasses import dataclass

from certcheck.model.observation import Reason
from certcheck.probe.limits import ProbeError
from certcheck.probe.script import Said, garbled, go_away, not_offered, refused, wrong_protocol
from certcheck.probe.wire import Wire, escaped, shown

FAREWELL = "QUIT"
_REPLY = re.compile(rb"(\d{3})(?:([ -])(.*))?", re.DOTALL)
# Cisco's fixup writes over the keyword: `250-XXXXXXXA`.
_MASKED = re.compile(r"X{6,}[A-Z]?")
# RFC 5321 4.2.4: what a server answers that does not know EHLO at all.
_UNKNOWN = frozenset({"500", "502", "504"})
_AUTH = re.compile(r"AUTH[ =]", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply of one or more lines; the last line's code counts."""

    code: str
    lines: tuple[bytes, ...]

    @property
    def text(self) -> bytes:
        """The reply on one line."""
        return self.code.encode() + b" " + b" ".join(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """SMTP, or LMTP with the verb `LHLO`; `name` is what we call ourselves."""

    name: str
    verb: str = "EHLO"

    async def greet(self, wire: Wire) -> Said:
        """The 220 greeting; 554 and other refusals raise (RFC 5321 3.1)."""
        reply = await self._answer(wire)
        if reply is None or reply.code[0] not in "245":
            raise self._other(wire)
        if reply.code[0] == "5":
            raise ProbeError("rejected_554", f"the server refuses service: {shown(reply.text)}")
        if reply.code[0] == "4":
            raise ProbeError("rate_limited", f"the server is busy: {shown(reply.text)}")
        if reply.code != "220":
            raise self._other(wire)
        return Said(greeting=shown(reply.text))

    async def ask(self, wire: Wire) -> Said:
        """The EHLO keywords, AUTH mechanisms and SIZE; none at all when EHLO is not known.

        Raises ProbeError when the server does not want us, or speaks another protocol.
        """
        await wire.send_line(f"{self.verb} {self.name}")
        reply = await self._answer(wire)
        if reply is None or (reply.code != "250" and self._speaks_other(reply)):
            raise self._other(wire)
        if reply.code != "250" and not _knows_no_ehlo(reply):
            raise self._unwanted(reply)
        # The first line names the server (RFC 5321 4.1.1.1).
        words = (
            tuple(escaped(line) for line in reply.lines[1:] if line) if reply.code == "250" else ()
        )
        return Said(words=words, auth=_mechanisms(words), size=_size(words))

    async def start_tls(self, wire: Wire, said: Said) -> None:
        """STARTTLS, and 220 for an answer."""
        if not said.offers("STARTTLS"):
            masked = next((word for word in said.words or () if _MASKED.fullmatch(word)), None)
            if masked:
                raise ProbeError("starttls_garbled", f"a middlebox masks STARTTLS: {masked}")
            raise not_offered("STARTTLS")
        wire.stage = "tls"
        await wire.send_line("STARTTLS")
        reply = await self._answer(wire)
        if reply is None or (reply.code != "220" and reply.code[0] not in "45"):
            raise garbled("STARTTLS", wire.last_line)
        if reply.code != "220":
            raise refused("STARTTLS", reply.text, offered=True)

    async def ask_inside(self, wire: Wire) -> Said:
        """What was said before TLS is void: EHLO again (RFC 3207 4.2)."""
        return await self.ask(wire)

    async def leave(self, wire: Wire) -> None:
        """QUIT."""
        await wire.send_line(FAREWELL)
        await self.reply(wire)

    async def _answer(self, wire: Wire) -> Reply | None:
        reply = await self.reply(wire)
        # RFC 5321 4.2.3: the server closes, though it was not told QUIT.
        if reply and reply.code == "221":
            raise ProbeError("bye", f"the server says goodbye: {shown(reply.text)}")
        return reply

    async def reply(self, wire: Wire) -> Reply | None:
        """The next reply; None for what is none. Raises ProbeError when the server closes."""
        lines: list[bytes] = []
        while True:
            parsed = _REPLY.fullmatch(await wire.read_line())
            if parsed is None:
                return None
            lines.append(parsed[3] or b"")
            if parsed[2] != b"-":
                break
        reply = Reply(code=parsed[1].decode(), lines=tuple(lines))
        if reply.code == "421":
            raise ProbeError("rate_limited", f"the server closes: {shown(reply.text)}")
        return reply

    def _speaks_other(self, reply: Reply) -> bool:
        # RFC 2033 4.1: an LMTP server refuses EHLO, and an SMTP server does not know LHLO.
        if reply.code[0] not in "45" or b"LHLO" in reply.text.upper():
            return True
        return self.verb == "LHLO" and _knows_no_ehlo(reply)

    def _unwanted(self, reply: Reply) -> ProbeError:
        usual: Reason = "rejected_554"
        reason = go_away(reply.text, usual=usual) if reply.code[0] == "4" else usual
        return ProbeError(
            reason, f"the server refuses {self.verb} {self.name}: {shown(reply.text)}"
        )

    def _other(self, wire: Wire) -> ProbeError:
        return wrong_protocol(wire.last_line, "SMTP" if self.verb == "EHLO" else "LMTP")


def literal(address: str) -> str:
    """An IP address as the name of a client that has no better one (RFC 5321 4.1.3, 4.1.4).

    No look-up can refuse it, as `reject_unknown_helo_hostname` of Postfix does with a name.
    """
    bare = address.partition("%")[0]  # RFC 4007 11: a zone means something on this machine only
    return f"[IPv6:{bare}]" if ":" in bare else f"[{bare}]"


def _knows_no_ehlo(reply: Reply) -> bool:
    # Postfix says 504, too, where it does not like the name (non_fqdn_reject_code).
    return reply.code in _UNKNOWN and b"REJECTED" not in reply.text.upper()


def _mechanisms(words: tuple[str, ...]) -> tuple[str, ...]:
    # `AUTH=PLAIN` is an old form that some servers send beside the right one.
    lists = [re.split(r"[ =]+", word)[1:] for word in words if _AUTH.match(word)]
    return tuple(dict.fromkeys(name.upper() for names in lists for name in names if name))


def _size(words: tuple[str, ...]) -> int | None:
    for word in words:
        parsed = re.fullmatch(r"SIZE (\d{1,18})", word, re.IGNORECASE)
        if parsed:
            return int(parsed[1])
    return None
