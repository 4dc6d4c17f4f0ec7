"""IMAP after login: one command, one answer, and only what was asked for is kept (RFC 9051)."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from certcheck.probe.imap_words import Value, argument, logical_line, values
from certcheck.probe.key import Key, NotIn
from certcheck.probe.limits import ProbeError
from certcheck.probe.session import Session
from certcheck.probe.wire import Caps

# A mailbox of 50,000 folders is told in 64 MiB; one line may list a million found messages.
CAPS = Caps(line=8 * 1024 * 1024, lines=1_000_000, size=64 * 1024 * 1024)
MAX_FOLDERS = 50_000

_UNTAGGED = re.compile(rb"\* (?:\d+ )?([A-Za-z]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A tagged answer: its line, and the untagged ones that were to be kept.

    `data` are their values, without the star; `texts` are lines for people, with their codes.
    """

    line: bytes
    data: tuple[list[Value], ...] = ()
    texts: tuple[bytes, ...] = ()

    @property
    def words(self) -> bytes:
        """The line without its tag."""
        return self.line.partition(b" ")[2]

    @property
    def status(self) -> bytes:
        """OK, NO or BAD."""
        return self.words.partition(b" ")[0].upper()

    @property
    def ok(self) -> bool:
        """Whether the command was done."""
        return self.status == b"OK"


class ImapSession:
    """A session that a key opens; every failure is a ProbeError or NotIn."""

    def __init__(self, session: Session, key: Key) -> None:
        self.key = key
        self.words: frozenset[str] = frozenset(w.upper() for w in session.said.words or ())
        self._session = session
        self._wire = session.wire
        self._number = 0

    async def log_in(self, *, seconds: float) -> None:
        """Log in by the best way that is offered; from then on all must be done in `seconds`."""
        self._session.tcp.allow(seconds)
        if "AUTH=PLAIN" in self.words:
            answer = await self._authenticated()
        elif "LOGINDISABLED" not in self.words:
            login = self.key.login.encode()
            answer = await self.command("LOGIN", login, self.key.password(), told="LOGIN ...")
        else:
            raise NotIn("not_seen", "the server offers neither AUTH=PLAIN nor LOGIN")
        if answer.status == b"BAD":
            raise NotIn("not_seen", self.key.quoted(answer.words))
        if not answer.ok:
            raise self.key.no(answer.words)
        self._wire.widen(CAPS)
        await self._know_capabilities()

    async def command(
        self, *words: str | bytes, keep: Collection[bytes] = (), told: str = ""
    ) -> Answer:
        """The answer to a command: text goes out as it is, and bytes as a string.

        Untagged answers of the kinds in `keep` are kept. Transcripts know the command as `told`.
        """
        flights = [b""]
        for word in words:
            text, literal = (
                (word.encode("ascii"), None) if isinstance(word, str) else argument(word)
            )
            flights[-1] += b" " + text
            if literal is not None:
                flights.append(literal)
        name = told or " ".join(w for w in words if isinstance(w, str))
        return await self._run(flights, told=name, keep=keep)

    async def _authenticated(self) -> Answer:
        start = b" AUTHENTICATE PLAIN"
        flights = [start, self.key.plain()]
        if "SASL-IR" in self.words:  # RFC 4959
            flights = [b" ".join(flights)]
        return await self._run(flights, told="AUTHENTICATE PLAIN ...")

    async def _know_capabilities(self) -> None:
        answer = await self.command("CAPABILITY", keep=(b"CAPABILITY",))
        words = [word for each in answer.data for word in each[1:] if isinstance(word, bytes)]
        self.words = frozenset(word.decode("ascii", "replace").upper() for word in words)

    async def _run(
        self, flights: Sequence[bytes], *, told: str, keep: Collection[bytes] = ()
    ) -> Answer:
        self._number += 1
        tag = b"a%d" % self._number
        data: list[list[Value]] = []
        texts: list[bytes] = []
        waiting = [tag + flights[0], *flights[1:]]
        await self._wire.send(waiting.pop(0) + b"\r\n", told=told)
        while True:
            line = await logical_line(self._wire)
            if line[0].startswith(b"+") and waiting:
                await self._wire.send(waiting.pop(0) + b"\r\n", told=told)
            elif line[0].startswith(b"* "):
                self._take(line, keep, data, texts)
            elif re.match(tag + rb" (OK|NO|BAD)\b", line[0], re.IGNORECASE):
                return Answer(line=line[0], data=tuple(data), texts=tuple(texts))
            else:
                raise self._stranger(line[0])

    def _take(
        self,
        line: Sequence[bytes],
        keep: Collection[bytes],
        data: list[list[Value]],
        texts: list[bytes],
    ) -> None:
        found = _UNTAGGED.match(line[0])
        kind = found[1].upper() if found else b""
        if kind == b"BYE":
            raise ProbeError("bye", f"the server says goodbye: {self.key.quoted(line[0])}")
        if kind not in keep:
            return
        if len(data) + len(texts) >= 2 * MAX_FOLDERS:
            raise ProbeError("oversized", f"more than {MAX_FOLDERS} folders")
        if kind == b"OK":
            texts.append(line[0])
        else:
            data.append(values([line[0][2:], *line[1:]]))

    def _stranger(self, line: bytes) -> ProbeError:
        return ProbeError("wrong_protocol", f"this is no answer: {self.key.quoted(line)}")
