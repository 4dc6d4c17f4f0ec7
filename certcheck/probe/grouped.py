"""sslyze's questions for one suite each, answered by one question for its whole family.

A family that the server refuses is refused here suite by suite, in the server's own way. Suites of
a family that it takes go to it one by one, as without us.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from certcheck.iana import suites
from certcheck.model.observation import TlsVersion
from certcheck.probe import crossing
from certcheck.probe.client_hello import ClientHello, decoded, encoded
from certcheck.probe.crossing import Trouble
from certcheck.probe.doubt import CONFIRMED_ON_BAD_LINE, Doubt
from certcheck.probe.families import families, wholes
from certcheck.probe.fields import MalformedError
from certcheck.probe.hello import Offer
from certcheck.probe.look import Door
from certcheck.probe.offering import chosen
from certcheck.probe.reply import Reply, reply
from certcheck.probe.scan_words import SUITES

# What says no to suites (RFC 5246 7.2.2); any other alert says something else.
_NO = frozenset({40, 70, 71})  # handshake_failure, protocol_version, insufficient_security
_SIGNALS = frozenset({0x00FF, 0x5600})  # RFC 5746, RFC 7507: no suites, though in their list
_PATIENCE = 50.0
# sslyze has two libraries, and both have hellos with curves and without.
_MAX_KINDS = 4
_VERSIONS = {topic: version for version, topic in SUITES.items() if version != "TLSv1.3"}


@dataclass(frozen=True, slots=True)
class _Question:
    """A hello for one suite, and what it has in common with those for others."""

    hello: ClientHello
    topic: str
    suite: int

    @property
    def version(self) -> TlsVersion:
        return _VERSIONS[self.topic]

    @property
    def kind(self) -> ClientHello:
        return replace(self.hello, random=b"", session_id=b"", suites=())

    def of(self, family: Sequence[int]) -> ClientHello:
        """The same for all of a family."""
        signals = (each for each in self.hello.suites if each in _SIGNALS)
        return replace(self.hello, suites=(*family, *signals))


class _UnclearError(Exception):
    """What the server says to a family does not speak for each of its suites."""


class Grouped:
    """The memory of one scan: the families that were asked for, and what was refused with them."""

    def __init__(self, door: Door, doubt: Doubt) -> None:
        self._refused: dict[TlsVersion, set[int]] = defaultdict(set)
        self._door, self._doubt = door, doubt
        self._answers: dict[object, bytes | None] = {}
        self._turns: dict[object, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._kinds: dict[TlsVersion, set[ClientHello]] = defaultdict(set)
        self._off = False

    async def refusal(self, hello: bytes, topic: str) -> bytes | None:
        """What the server says to this hello, if that is known by now; else bring it there.

        Empty where the server hangs up. Never raises for what it does.
        """
        question = _question(hello, topic)
        if question is None or self._off:
            return None
        try:
            async with asyncio.timeout(_PATIENCE):
                said = await self._refusal(question)
        except (_UnclearError, TimeoutError):
            self._off = True
            return None
        if said is not None:
            self._refused[question.version].add(question.suite)
        return said

    def names(self) -> dict[str, tuple[str, ...]]:
        """The suites that were refused with a family, by version."""
        return {
            version: tuple(name for code, name in suites().items() if code in codes)
            for version, codes in self._refused.items()
        }

    async def _refusal(self, question: _Question) -> bytes | None:
        kinds = self._kinds[question.version]
        kinds.add(question.kind)
        if len(kinds) > _MAX_KINDS:
            raise _UnclearError
        for family in families(question.suite):
            # The first who asks for a family asks for all its suites; the others wait.
            key = question.version, question.kind, family
            async with self._turns[key]:
                if key not in self._answers:
                    self._answers[key] = await self._of_family(question, family)
            if self._answers[key] is not None:
                return self._answers[key]
        return None

    async def _of_family(self, question: _Question, family: Sequence[int]) -> bytes | None:
        said = await self._said(question, question.of(family))
        if said is None:
            return None
        await self._sure_of_size(question.version)
        # The sample. Who hung up at the family has hung up at this suite as often.
        before = 0 if said else CONFIRMED_ON_BAD_LINE
        if await self._said(question, question.hello, before=before) is None:
            raise _UnclearError
        return said

    async def _said(
        self, question: _Question, hello: ClientHello, *, before: int = 0
    ) -> bytes | None:
        # What the server says to refuse; None when it takes something.
        if self._off:
            raise _UnclearError
        asked = crossing.Question(
            hello=encoded(hello), topic=question.topic, enough=_whole, before=before
        )
        data = await crossing.answered(self._door, self._doubt, asked)
        if data is None:
            return b""
        if isinstance(data, Trouble):
            raise _UnclearError
        said = reply(data)
        if said is None or said.alert not in {None, *_NO}:
            raise _UnclearError
        if said.alert:
            return data
        self._taken(question, said.suite)
        return None

    def _taken(self, question: _Question, suite: int) -> None:
        # Whoever takes one suite takes each family that it is in.
        for family in families(suite):
            self._answers.setdefault((question.version, question.kind, family), None)

    async def _sure_of_size(self, version: TlsVersion) -> None:
        # Some servers refuse a hello because it is large: this one is larger than all others.
        async with self._turns[version]:
            if version not in self._answers:
                name = self._door.endpoint.host.server_name
                offer = Offer(version=version, suites=wholes()[0], server_name=name)
                if not isinstance(await chosen(self._door, self._doubt, offer), Reply):
                    raise _UnclearError
                self._answers[version] = None


def _whole(data: bytes) -> bool:
    return reply(data) is not None


def _question(hello: bytes, topic: str) -> _Question | None:
    if topic not in _VERSIONS:
        return None
    try:
        said = decoded(hello)
    except MalformedError:  # that of SSLv2, which has suites of its own
        return None
    suites_ = [code for code in said.suites if code not in _SIGNALS]
    return _Question(said, topic, suites_[0]) if len(suites_) == 1 else None
