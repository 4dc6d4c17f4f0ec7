"""One hello of sslyze's on its way to the server and back, asked again until it is certain."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from certcheck.probe.dialogue import SCRIPTS, go_ahead, greeting
from certcheck.probe.doubt import CONFIRMED_ON_BAD_LINE, Doubt
from certcheck.probe.limits import GO_AWAY, ProbeError
from certcheck.probe.look import Door
from certcheck.probe.records import Records
from certcheck.probe.reply import UnreadableReplyError
from certcheck.probe.scan_words import CHECKS
from certcheck.probe.script import plain_refusal
from certcheck.probe.tcp import Tcp, dial
from certcheck.probe.wire import Wire, shown

if TYPE_CHECKING:
    from certcheck.probe.way import Way

Failure = Literal["hang-up", "reset", "silence", "garbage", "no connection"]

_TRIES: dict[Failure, int] = {
    "hang-up": CONFIRMED_ON_BAD_LINE,
    "reset": 5,
    "silence": 3,
    "garbage": 2,
    "no connection": 4,
}
_BACK_OFF = 0.2
_PARTING = 1.0
# sslyze's own patience is 60 s; it must not run out first.
_PATIENCE = 50.0
_MAX_FROM_SERVER = 256 * 1024
_ACCESS_DENIED = 49


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why there is no answer."""

    kind: Failure
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The first bytes of the answer, and the connection that they came on."""

    tcp: Tcp
    data: bytes


Enough = Callable[[bytes], bool]


def _anything(_data: bytes) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A hello, and what it is for; an answer is there when it is `enough`.

    `enough` may raise UnreadableReplyError. The server has hung up `before`, so many times, at a
    hello that says the same and more.
    """

    hello: bytes
    topic: str = ""
    enough: Enough = _anything
    before: int = 0


class Crossing:
    """One question on its way: for a client of the bridge, or for one of ours."""

    def __init__(self, door: Door, doubt: Doubt, question: Question) -> None:
        self.question = question
        self._door, self._doubt = door, doubt
        self._hello, self._topic = question.hello, question.topic
        self._failures: Counter[Failure] = Counter()

    async def run(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: "Way | None" = None
    ) -> None:
        """Bring the hello over and relay, or refuse as the server does, or poison and taint.

        `way` may know what the server says; without it, the server is asked.
        """
        async with contextlib.AsyncExitStack() as connection:
            match await self._waited_for(connection, way):
                case Answered() as answer:
                    await self._relay(answer, reader, writer)
                case Trouble() as trouble:
                    self._doubt.taint(trouble.text, self._topic)
                    writer.write(_poison(self._hello))
                    await writer.drain()
                case bytes() as refusal:
                    writer.write(refusal)
                    await writer.drain()
                case None:
                    pass  # the server's own way to refuse: it closes, and so do we

    async def _waited_for(
        self, connection: contextlib.AsyncExitStack, way: "Way | None"
    ) -> Answered | Trouble | bytes | None:
        try:
            return await (way.result(self, connection) if way else self.result(connection))
        except asyncio.CancelledError:
            self._doubt.taint("sslyze did not wait for the server's answer", self._topic)
            raise

    async def result(
        self, connection: contextlib.AsyncExitStack, *, once: bool = False
    ) -> Answered | Trouble | None:
        """The answer, on a connection that `connection` closes; None for a confirmed refusal.

        `once` leaves it at one hang-up, which counts when the answer is asked for again.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._insisted(connection, once=once)
        except TimeoutError:
            return Trouble(kind="silence", text="the server did not answer in time")

    async def _insisted(
        self, connection: contextlib.AsyncExitStack, *, once: bool
    ) -> Answered | Trouble | None:
        version = _version(self._hello)
        while True:
            result = await self._asked(connection)
            if isinstance(result, Answered):
                hang_ups = self._failures["hang-up"]
                by_alert = result.data[:1] == b"\x15" and result.data[5:6] == b"\x02"
                accidents = self._failures.total()
                self._doubt.learn(
                    version, hang_ups=hang_ups, by_alert=by_alert, accidents=accidents
                )
                return result
            self._failures[result.kind] += 1
            hang_ups = (
                self._failures["hang-up"] and self.question.before + self._failures["hang-up"]
            )
            if self._doubt.is_refusal(version, hang_ups, self._topic):
                return None
            if self._gives_up(result.kind) or (once and result.kind == "hang-up"):
                return result
            if result.kind == "no connection":
                await asyncio.sleep(_BACK_OFF * 2 ** self._failures[result.kind])

    def _gives_up(self, kind: Failure) -> bool:
        stopped = self._door.gate.stopped(self._door.address) is not None
        return stopped or self._doubt.hopeless or self._failures[kind] >= _TRIES[kind]

    async def _asked(self, connection: contextlib.AsyncExitStack) -> Answered | Trouble:
        gate, address = self._door.gate, self._door.address
        async with contextlib.AsyncExitStack() as attempt:
            slowly = gate.is_slow(address)
            try:
                await attempt.enter_async_context(gate.admitted(address))
                slowly = gate.is_slow(address)
                self._doubt.connections += 1
                tcp = await _ready(self._door, attempt)
                words = await self._first_words(tcp)
            except ProbeError as e:
                if e.missed.reason in GO_AWAY and slowly:
                    gate.stop(address, e.missed)
                elif e.missed.reason in GO_AWAY and not gate.stopped(address):
                    await gate.slow_down(address)
                return Trouble(kind="no connection", text=f"no connection: {e.missed.detail}")
            if isinstance(words, Answered):
                await connection.enter_async_context(attempt.pop_all())
                connection.push_async_callback(self._part, tcp)
            return words

    async def _part(self, tcp: Tcp) -> None:
        # Exim with GnuTLS waits for 0.5 s after its alert, and counts the client until then.
        if self._door.gate.is_slow(self._door.address):
            await tcp.parted(within=_PARTING)

    async def _first_words(self, tcp: Tcp) -> Answered | Trouble:
        data = b""
        try:
            async with asyncio.timeout(self._door.limits.silence):
                await tcp.send(self._hello)
                data = await tcp.recv()
                if data and _is_tls(data, self._hello):
                    return await self._answer(tcp, data)
        except TimeoutError:
            return Trouble(kind="silence", text="the server stays silent after the TLS hello")
        except OSError:
            return Trouble(kind="reset", text="the server resets the connection at the TLS hello")
        if not data:
            return Trouble(kind="hang-up", text="the server closes at the TLS hello")
        refusal = plain_refusal(data)
        if refusal:
            raise ProbeError(refusal, f"the server refuses in plain text: {shown(data.strip())}")
        return Trouble(kind="garbage", text=f"the server does not answer in TLS: {shown(data)}")

    async def _answer(self, tcp: Tcp, data: bytes) -> Answered | Trouble:
        try:
            while not self.question.enough(data):
                more = await tcp.recv()
                if not more:
                    return Trouble(kind="reset", text="the server breaks off in its answer")
                data += more
                if len(data) > _MAX_FROM_SERVER:
                    return Trouble(kind="garbage", text="the server's answer does not end")
        except UnreadableReplyError as e:
            why = f"the server's answer is no TLS: {e}: {shown(data)}"
            return Trouble(kind="garbage", text=why)
        return Answered(tcp=tcp, data=data)

    async def _relay(
        self, answer: Answered, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        records = Records()
        up = asyncio.ensure_future(self._up(answer.tcp, reader, records))
        down = asyncio.ensure_future(_down(answer, writer, records))
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            self._judge(down, records)
        finally:
            # First, as the wait below may be cancelled when the scan is over.
            self._doubt.tally.note(self._hello, records)
            up.cancel()
            down.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _up(self, tcp: Tcp, reader: asyncio.StreamReader, records: Records) -> None:
        while data := await reader.read(4096):
            records.client_spoke()
            if self._topic in CHECKS:
                # What a server says to a strange second flight comes at once, or never.
                tcp.hurry(self._door.limits.silence)
            await tcp.send(data)

    def _judge(self, down: asyncio.Future[None], records: Records) -> None:
        if records.huge_certificate or records.bytes > _MAX_FROM_SERVER:
            self._doubt.taint("the server sends more than sslyze can take", self._topic)
        elif not down.done() or records.ended_with_alert:
            return
        elif self._topic in CHECKS and records.second_flight:
            self._doubt.wordless_end(self._topic)
        elif isinstance(down.exception(), TimeoutError):
            self._doubt.taint("the server stalls in the TLS handshake", self._topic)
        elif records.broke_off:
            self._doubt.taint("the connection breaks in the TLS handshake", self._topic)


async def answered(door: Door, doubt: Doubt, question: Question) -> bytes | Trouble | None:
    """The answer, as soon as it is enough; None for a confirmed refusal.

    A trouble is not yet a taint of `doubt`.
    """
    async with contextlib.AsyncExitStack() as connection:
        result = await Crossing(door, doubt, question).result(connection)
        return result.data if isinstance(result, Answered) else result


async def _ready(door: Door, attempt: contextlib.AsyncExitStack) -> Tcp:
    tcp = await dial(door.address, door.endpoint.port, within=door.limits.timeout)
    attempt.callback(tcp.close)
    if door.endpoint.tls_mode == "starttls":
        script = SCRIPTS[door.endpoint.protocol](tcp.own_address)
        wire = Wire(tcp, [])
        said = await greeting(script, wire, heard=lambda: tcp.allow(door.limits.timeout))
        await go_ahead(script, said, tcp=tcp, wire=wire)
    return tcp


async def _down(answer: Answered, writer: asyncio.StreamWriter, records: Records) -> None:
    data = answer.data
    while data and records.bytes <= _MAX_FROM_SERVER:
        records.feed(data)
        writer.write(data)
        await writer.drain()
        data = await answer.tcp.recv()


def _is_tls(data: bytes, hello: bytes) -> bool:
    # RFC 8446 5.1: records of types 20 to 23. An SSLv2 server answers with the high bit set.
    return 20 <= data[0] <= 23 or bool(hello[0] & data[0] & 0x80)  # noqa: PLR2004 - as above


def _version(hello: bytes) -> bytes:
    return b"" if hello[0] & 0x80 else hello[9:11]


def _poison(hello: bytes) -> bytes:
    # sslyze takes access_denied for an error of its own, not for a refusal, if the record's version
    # is the hello's. SSLv2 knows no such alert: there the taint alone must do.
    version = _version(hello)
    return b"\x15" + version + b"\x00\x02\x02" + bytes([_ACCESS_DENIED]) if version else b""
