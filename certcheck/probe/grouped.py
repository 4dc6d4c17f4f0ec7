"""sslyze's questions for one suite each, answered by one question for all that are still unknown.

The first suite of a family goes to the server as sslyze asks for it. Once one of them was refused,
all that is not known yet is asked for at once. What is refused then is refused here suite by suite,
in the server's own way. Suites of a family that it takes go to it one by one, as without us.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from certcheck.iana import suites
from certcheck.model.observation import TlsVersion
from certcheck.probe import crossing
from certcheck.probe.client_hello import ClientHello, decoded, encoded
from certcheck.probe.crossing import Answered, Crossing, Trouble
from certcheck.probe.doubt import CONFIRMED_ON_BAD_LINE, Doubt
from certcheck.probe.families import Families, Family, company, family, wholes
from certcheck.probe.fields import MalformedError
from certcheck.probe.hello import Offer
from certcheck.probe.look import Door
from certcheck.probe.offering import chosen
from certcheck.probe.reply import Reply, UnreadableReplyError, reply
from certcheck.probe.scan_words import SUITES
from certcheck.probe.standing import Standing

# What says no to suites (RFC 5246 7.2.2); any other alert says something else.
_NO = frozenset({40, 70, 71})  # handshake_failure, protocol_version, insufficient_security
_SIGNALS = frozenset({0x00FF, 0x5600})  # RFC 5746, RFC 7507: no suites, though in their list
_PATIENCE = 50.0
# sslyze has two libraries, and both have hellos with curves and without.
_MAX_KINDS = 4
# A hang-up at a hello with more suites counts for one with fewer, but not for all that it takes.
_WITH_MORE = 1
_NEWEST_FIRST: Sequence[TlsVersion] = ("TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3")
_HANDSHAKE = b"\x16"  # RFC 5246 6.2.1
_VERSIONS = {SUITES[version]: version for version in _NEWEST_FIRST}


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

    def of(self, codes: Sequence[int]) -> ClientHello:
        """The same for all of these."""
        signals = (each for each in self.hello.suites if each in _SIGNALS)
        return replace(self.hello, suites=(*codes, *signals))


class _UnclearError(Exception):
    """What the server says to many suites does not speak for each of them."""


class Grouped:
    """The memory of one scan: what was asked for at once, and what was refused so.

    `is_off` says that what the server says to many suites tells nothing.
    """

    def __init__(self, door: Door, doubt: Doubt) -> None:
        self._refused: dict[TlsVersion, set[int]] = defaultdict(set)
        self._door, self._doubt = door, doubt
        self._standings: dict[TlsVersion, dict[ClientHello, Standing]] = defaultdict(dict)
        self._large = asyncio.Lock()
        self._takes_large = False
        self.is_off = False

    async def result(
        self, crossing: Crossing, connection: AsyncExitStack
    ) -> Answered | Trouble | bytes | None:
        """What the server says to the crossing's hello; bytes, if that is known by now to be no.

        They are empty where the server hangs up. Never raises for what it does.
        """
        question = _question(crossing.question)
        if question is None or self.is_off:
            return await crossing.result(connection)
        try:
            # For the turn and the answer together: sslyze's own patience must not run out first.
            async with asyncio.timeout(_PATIENCE):
                found = await self._found(question, crossing, connection)
                return await crossing.result(connection) if found is None else found
        except TimeoutError:
            self.is_off = True
            return Trouble(kind="silence", text="the server did not answer in time")

    def names(self) -> dict[str, tuple[str, ...]]:
        """The suites that were refused with others, by version."""
        return {
            version: tuple(name for code, name in suites().items() if code in codes)
            for version, codes in self._refused.items()
        }

    async def _found(
        self, question: _Question, crossing: Crossing, connection: AsyncExitStack
    ) -> Answered | Trouble | bytes | None:
        try:
            standing = self._standing(question)
            async with standing.turn:
                found = await self._learnt(question, standing, crossing, connection)
        except _UnclearError:
            self.is_off = True
            return None
        if isinstance(found, bytes):
            self._refused[question.version].add(question.suite)
        return found

    async def _learnt(
        self,
        question: _Question,
        standing: Standing,
        crossing: Crossing,
        connection: AsyncExitStack,
    ) -> Answered | Trouble | bytes | None:
        if question.suite in standing.unknown() and self._goes_alone(question, standing):
            result = await crossing.result(connection, once=True)
            if not isinstance(result, Trouble) or result.kind != "hang-up":
                self._note(question, standing, result)
                return result
            standing.alone.add(question.suite)
        while question.suite in standing.unknown():
            await self._ask(question, standing)
        return standing.refused.get(question.suite)

    def _goes_alone(self, question: _Question, standing: Standing) -> bool:
        return not standing.alone or family(question.suite) in self._taken_somewhere()

    def _standing(self, question: _Question) -> Standing:
        kinds = self._standings[question.version]
        if question.kind not in kinds:
            if len(kinds) == _MAX_KINDS:
                raise _UnclearError
            # A hello of SSL 3.0 says nothing of curves.
            with_all = question.version == "SSLv3"
            kinds[question.kind] = Standing(company(question.suite, with_all=with_all))
        kinds[question.kind].asked.add(family(question.suite))
        return kinds[question.kind]

    def _note(
        self, question: _Question, standing: Standing, result: Answered | Trouble | None
    ) -> None:
        if isinstance(result, Answered) and result.data[:1] == _HANDSHAKE:
            standing.take(question.suite)
        elif isinstance(result, Answered) and _is_no(result.data):
            standing.alone.add(question.suite)
        else:
            self.is_off = True

    async def _ask(self, question: _Question, standing: Standing) -> None:
        """For all that is unknown: some of it is known then, of what is taken at least a family."""
        codes = self._worthwhile(question, standing)
        said = await self._said(question, standing, codes)
        if isinstance(said, int):
            return
        parts = standing.apart(codes)
        answers = [said] if len(parts) == 1 else await self._to_each(question, standing, parts)
        refused = [(p, a) for p, a in zip(parts, answers, strict=True) if isinstance(a, bytes)]
        await self._make_sure(question, standing, refused)
        for part, answer in refused:
            standing.refuse(part, answer)

    def _worthwhile(self, question: _Question, standing: Standing) -> Sequence[int]:
        # Nobody will ask for what comes in hellos of another kind. What is taken in one of those is
        # taken here, too, most likely, and comes alone first.
        others = [each for each in self._standings[question.version].values() if each != standing]
        elsewhere = {kin for other in others for kin in other.asked} - standing.asked
        apart = (elsewhere | self._taken_somewhere()) - {family(question.suite)}
        return [code for code in standing.unknown() if family(code) not in apart]

    def _taken_somewhere(self) -> set[Family | None]:
        every = (each for kinds in self._standings.values() for each in kinds.values())
        return {kin for each in every for kin in each.taken}

    async def _to_each(
        self, question: _Question, standing: Standing, parts: Families
    ) -> Sequence[bytes | int]:
        each = (self._said(question, standing, part, before=_WITH_MORE) for part in parts)
        answers = await asyncio.gather(*each, return_exceptions=True)
        if any(isinstance(answer, BaseException) for answer in answers):
            raise _UnclearError
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    async def _make_sure(
        self,
        question: _Question,
        standing: Standing,
        refused: Sequence[tuple[tuple[int, ...], bytes]],
    ) -> None:
        # Is it for the suites that the server refuses them, or for the company that they come in?
        known = next(iter(standing.taken.values()), None)
        compared = False
        for part, answer in refused:
            if known is not None and standing.can(part[0]):
                compared = True
                if await self._said(question, standing, (known, *part)) != known:
                    raise _UnclearError
            elif not standing.alone.intersection(part):
                # Who hung up at all of them has hung up at this one as often.
                before = 0 if answer else CONFIRMED_ON_BAD_LINE
                if isinstance(await self._said(question, standing, part[:1], before=before), int):
                    raise _UnclearError
        if not compared:
            await self._be_sure_of_size()

    async def _said(
        self, question: _Question, standing: Standing, codes: Sequence[int], *, before: int = 0
    ) -> bytes | int:
        # The suite that the server takes, or what it says to refuse them all.
        if self.is_off:
            raise _UnclearError
        asked = crossing.Question(
            hello=encoded(question.of(codes)), topic=question.topic, enough=_whole, before=before
        )
        data = await crossing.answered(self._door, self._doubt, asked)
        if data is None:
            return b""
        if isinstance(data, Trouble):
            raise _UnclearError
        suite = _checked(data)
        if suite is None:
            return data
        if suite not in codes:
            raise _UnclearError
        standing.take(suite)
        return suite

    async def _be_sure_of_size(self) -> None:
        # Some servers refuse a hello because it is large: this one is larger than all others.
        there = [v for v, kinds in self._standings.items() if any(k.taken for k in kinds.values())]
        async with self._large:
            for version in () if self._takes_large else (*there, *_NEWEST_FIRST):
                name = self._door.endpoint.host.server_name
                offer = Offer(version=version, suites=wholes()[0], server_name=name)
                if isinstance(await chosen(self._door, self._doubt, offer), Reply):
                    self._takes_large = True
                    return
            if not self._takes_large:
                raise _UnclearError


def _checked(data: bytes) -> int | None:
    # The suite, or None for a no.
    try:
        said = reply(data)
    except UnreadableReplyError as e:
        raise _UnclearError from e
    if said is None or said.alert not in {None, *_NO}:
        raise _UnclearError
    return said.suite if said.alert is None else None


def _is_no(data: bytes) -> bool:
    try:
        return _checked(data) is None
    except _UnclearError:
        return False


def _whole(data: bytes) -> bool:
    return reply(data) is not None


def _question(asked: crossing.Question) -> _Question | None:
    if asked.topic not in _VERSIONS:
        return None
    try:
        said = decoded(asked.hello)
    except MalformedError:  # that of SSLv2, which has suites of its own
        return None
    codes = [code for code in said.suites if code not in _SIGNALS]
    if len(codes) != 1 or family(codes[0]) is None:
        return None
    return _Question(said, asked.topic, codes[0])
