"""Which suites and groups a server takes, asked by hellos of our own: no other engine has a say.

A ServerHello names one accepted suite. So a chain of hellos, each without the suite that was just
chosen, finds n suites by n + 1 questions.
"""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from certcheck.model.observation import Preference, TlsVersion
from certcheck.probe.crossing import Trouble
from certcheck.probe.doubt import CONFIRMED, Doubt
from certcheck.probe.families import Families, parts, wholes
from certcheck.probe.hello import VERSIONS, Offer
from certcheck.probe.look import Door
from certcheck.probe.offering import chosen
from certcheck.probe.reply import Reply
from certcheck.probe.suites import GROUPS, is_new, suites
from certcheck.probe.turns import Turns

# A server that does not take a hello with all suites may take one with so many.
_PIECE = 48
_WITH_GROUP = re.compile(r"TLS_(ECDHE_(RSA|ECDSA)_|(?!.*WITH))")  # all of TLS 1.3's
# Some servers move it to the front for those who do (OpenSSL: SSL_OP_PRIORITIZE_CHACHA).
_CHACHA = re.compile(r"CHACHA20")
_OLD: tuple[TlsVersion, ...] = ("TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3")
_NEWEST: TlsVersion = "TLSv1.3"
# Who has most to ask begins: the others go beside its longest chain, which else goes on alone.
_RANKS: tuple[TlsVersion, ...] = ("TLSv1.2", "TLSv1.3", "TLSv1.1", "TLSv1.0", "SSLv3")
# The chains of families end without proof; that comes for all of them at once.
_PROBABLE = CONFIRMED - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Enumerated:
    """Accepted suites by version and groups, by their IANA names, in the order of its tables.

    `groups` are those of TLS 1.3 and of the newest version below it; behind an ECDSA certificate
    a server without RSA shows only those that come before the certificate's own. `preference` is
    None where there is nothing to choose from, or the choice follows no order.
    """

    suites: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    preference: Preference | None = None
    doubts: tuple[str, ...] = ()
    connections: int = 0


async def enumerated(door: Door, known: Collection[TlsVersion]) -> Enumerated:
    """All that the server takes of SSLv3 to TLS 1.3; `known` are versions it was seen to take.

    Never raises for what the server does. Where a first round leaves doubts, there is a second,
    within the deadline of one scan for both.
    """
    rounds = [_Round(door, Doubt(), known)]
    late = ""
    try:
        async with asyncio.timeout(door.limits.scan_timeout):
            await rounds[0].run()
            doubt = rounds[0].doubt
            if doubt.topics() and not doubt.hopeless and not door.gate.stopped(door.address):
                rounds.append(_Round(door, Doubt(bad_line=doubt.bad_line), known))
                await rounds[1].run()
    except TimeoutError:
        late = f"not all was asked within {door.limits.scan_timeout:g} s"
    return _together(rounds, late)


class _Round:
    """All questions once; what is found is kept as it comes."""

    def __init__(self, door: Door, doubt: Doubt, known: Collection[TlsVersion]) -> None:
        self.doubt = doubt
        self.suites: dict[TlsVersion, list[int]] = {}
        self.groups: set[int] = set()
        self.preference: Preference | None = None
        self._door = door
        self._known = [version for version in VERSIONS if version in known]
        self._turns = Turns(door.limits.per_host)
        self._begun: dict[TlsVersion, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Ask everything, as far as possible at once; what is found is there when it is found."""
        async with asyncio.TaskGroup() as tasks:
            for version in VERSIONS:
                self._begun[version] = tasks.create_task(self._begin(version))
            done = {each: tasks.create_task(self._version(each)) for each in VERSIONS}
            tasks.create_task(self._groups_of_first((_NEWEST,)))
            tasks.create_task(self._groups_of_first(_OLD))
            tasks.create_task(self._preference(done))

    async def _begin(self, version: TlsVersion) -> None:
        # The largest hellos: they show whether the version is taken at all.
        for codes in _wholes(version):
            if said := await self._asked(self._offer(version, codes)):
                self._found(version, said)
                return

    async def _is_there(self, version: TlsVersion) -> bool:
        await self._begun[version]
        if version in self.suites:
            return True
        await asyncio.wait(self._begun.values())
        # Of a server that takes no large hello, nothing is known yet.
        old = [each for each in self._known if each != _NEWEST]
        shy = old and not any(each in self.suites for each in old)
        return version in self._known or bool(shy and version != _NEWEST)

    async def _version(self, version: TlsVersion) -> None:
        if not await self._is_there(version):
            return
        if version not in self.suites:
            await self._chains(version, _pieces(version), before=0)
        else:
            await self._chains(version, _parts(version), before=_PROBABLE)
            if not self.doubt.refuses_by_alert(_legacy(version)):
                await self._chains(version, self._rest(version), before=1)
        if version in self._known and version not in self.suites:
            self.doubt.taint(f"no cipher suite of {version}, which a handshake had")

    def _rest(self, version: TlsVersion) -> Families:
        # A server that has chosen a suite with DH can do it, so that none hides another one.
        apart = _wholes(version)
        if any(code in self.suites[version] for code in apart[-1]):
            return (tuple(code for each in apart for code in each),)
        return apart

    async def _chains(self, version: TlsVersion, families: Families, *, before: int) -> None:
        await asyncio.gather(*(self._chain(version, each, before) for each in families))

    async def _chain(self, version: TlsVersion, codes: Sequence[int], before: int) -> None:
        left = [code for code in codes if code not in self.suites.get(version, ())]
        while left and (said := await self._asked(self._offer(version, left), before)):
            self._found(version, said)
            left.remove(said.suite)

    def _found(self, version: TlsVersion, said: Reply) -> None:
        self.suites.setdefault(version, []).append(said.suite)

    async def _groups_of_first(self, versions: Sequence[TlsVersion]) -> None:
        for version in versions:
            if await self._is_there(version):
                await self._groups(version)
                return

    async def _groups(self, version: TlsVersion) -> None:
        codes = [c for part in _parts(version) for c in part if _WITH_GROUP.match(suites()[c])]
        left = list(GROUPS)
        while left:
            offer = self._offer(version, codes, groups=tuple(left), wants_group=True)
            said = await self._asked(offer)
            if not said or said.group not in left:
                return
            left.remove(said.group)
            self.groups.add(said.group)

    async def _preference(self, done: Mapping[TlsVersion, asyncio.Task[None]]) -> None:
        names = suites()
        for version in (*_OLD, _NEWEST):
            await done[version]
            codes = [c for c in self.suites.get(version, ()) if not _CHACHA.search(names[c])]
            if len(codes) > 1:
                offers = (self._offer(version, order) for order in (codes, codes[::-1]))
                first, last = await asyncio.gather(*map(self._asked, offers))
                self.preference = _preference(codes, first, last)
                return

    async def _asked(self, offer: Offer, before: int = 0) -> Reply | None:
        async with self._turns.one(_RANKS.index(offer.version)):
            said = await chosen(self._door, self.doubt, offer, before=before)
        if isinstance(said, Trouble):
            self.doubt.taint(said.text)
            return None
        return said

    def _offer(
        self,
        version: TlsVersion,
        codes: Sequence[int],
        *,
        groups: Sequence[int] = tuple(GROUPS),
        wants_group: bool = False,
    ) -> Offer:
        return Offer(
            version=version,
            suites=tuple(codes),
            groups=groups,
            server_name=self._door.endpoint.host.server_name,
            wants_group=wants_group,
        )


def _legacy(version: TlsVersion) -> bytes:
    # RFC 8446 4.1.2: a hello of TLS 1.3 calls itself one of TLS 1.2.
    return min(VERSIONS[version], VERSIONS["TLSv1.2"]).to_bytes(2)


def _wholes(version: TlsVersion) -> Families:
    return (_new(),) if version == _NEWEST else wholes()


def _parts(version: TlsVersion) -> Families:
    return (_new(),) if version == _NEWEST else parts()


def _pieces(version: TlsVersion) -> Families:
    return tuple(
        part[at : at + _PIECE] for part in _parts(version) for at in range(0, len(part), _PIECE)
    )


def _new() -> tuple[int, ...]:
    return tuple(code for code in suites() if is_new(code))


def _preference(codes: Sequence[int], first: Reply | None, last: Reply | None) -> Preference | None:
    if not first or not last:
        return None
    if first.suite == last.suite:
        return "server"
    return "client" if (first.suite, last.suite) == (codes[0], codes[-1]) else None


def _together(rounds: Sequence[_Round], late: str) -> Enumerated:
    found = {
        version: {code for each in rounds for code in each.suites.get(version, ())}
        for version in VERSIONS
    }
    groups = {code for each in rounds for code in each.groups}
    return Enumerated(
        suites={
            version: tuple(name for code, name in suites().items() if code in codes)
            for version, codes in found.items()
            if codes
        },
        groups=tuple(name for code, name in GROUPS.items() if code in groups),
        preference=next((each.preference for each in rounds if each.preference), None),
        doubts=tuple(
            f"certcheck's own list of cipher suites and groups may be incomplete: {text}"
            for text in (*rounds[-1].doubt.taints(), *((late,) if late else ()))
        ),
        connections=sum(each.doubt.connections for each in rounds),
    )
