"""Which suites and groups a server takes, asked by hellos of our own: no other engine has a say.

A ServerHello names one accepted suite. So a chain of hellos, each without the suite that was just
chosen, finds n suites by n + 1 questions.
"""

import asyncio
import functools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from certcheck.iana import GROUPS, is_new, suites
from certcheck.model.observation import Preference, TlsVersion
from certcheck.probe.crossing import Trouble
from certcheck.probe.doubt import CONFIRMED, Doubt
from certcheck.probe.families import Families, parts, wholes
from certcheck.probe.hello import VERSIONS, Offer
from certcheck.probe.look import Door
from certcheck.probe.offering import chosen
from certcheck.probe.reply import Reply
from certcheck.probe.turns import Turns

# A server that does not take a hello with all suites may take one with so many.
_PIECE = 48
_WITH_GROUP = re.compile(r"TLS_(ECDHE_(RSA|ECDSA)_|(?!.*WITH))")  # all of TLS 1.3's
# Some servers move it to the front for those who do (OpenSSL: SSL_OP_PRIORITIZE_CHACHA).
_CHACHA = re.compile(r"CHACHA20")
_OLD: tuple[TlsVersion, ...] = ("TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3")
_NEWEST: TlsVersion = "TLSv1.3"
# The longest chains begin, since the others go beside them; SSLv3 is mostly refused, six times.
_RANKS: Mapping[TlsVersion, int] = {
    **dict.fromkeys(("SSLv3", "TLSv1.2", "TLSv1.3"), 0),
    **dict.fromkeys(("TLSv1.1", "TLSv1.0"), 1),
}
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
            seen = {each: tasks.create_task(self._version(each)) for each in VERSIONS}
            for version in VERSIONS:
                tasks.create_task(self._confirm(version, seen[version]))
            tasks.create_task(self._preference(seen))

    async def _begin(self, version: TlsVersion) -> None:
        # The largest hellos: they show whether the version is taken at all.
        for codes in _wholes(version):
            if await self._question(version, codes):
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
        if version in self.suites:
            await self._families(version)
        else:
            await self._chains(version, _pieces(version), before=0)
            if await self._shows_groups(version):
                await self._groups(version, list(GROUPS))
        if version in self._known and version not in self.suites:
            self.doubt.taint(f"no cipher suite of {version}, which a handshake had")

    async def _families(self, version: TlsVersion) -> None:
        if not await self._shows_groups(version):
            await self._chains(version, _wholes(version), before=_PROBABLE)
            return
        with_groups, others = _parts(version)
        await asyncio.gather(
            self._suites_and_groups(version, with_groups),
            self._chains(version, others, before=_PROBABLE),
        )

    async def _confirm(self, version: TlsVersion, seen: asyncio.Task[None]) -> None:
        await seen
        if version in self.suites and not self.doubt.refuses_by_alert(_legacy(version)):
            await self._chains(version, self._rest(version), before=1)

    async def _shows_groups(self, version: TlsVersion) -> bool:
        # TLS 1.3, and the newest of the older ones that the server has.
        newer = _OLD[: _OLD.index(version)] if version != _NEWEST else ()
        return not any([await self._is_there(each) for each in newer])

    def _rest(self, version: TlsVersion) -> Families:
        # A server that has chosen a suite with DH can do it, so that none hides another one.
        apart = _wholes(version)
        if any(code in self.suites[version] for code in apart[-1]):
            return (tuple(code for each in apart for code in each),)
        return apart

    async def _chains(self, version: TlsVersion, families: Families, *, before: int) -> None:
        await asyncio.gather(*(self._chain(version, each, before) for each in families))

    async def _chain(self, version: TlsVersion, codes: Sequence[int], before: int) -> None:
        while await self._question(version, codes, before):
            pass

    async def _question(self, version: TlsVersion, codes: Sequence[int], before: int = 0) -> bool:
        """Whether the server takes one more of `codes`."""
        found = frozenset(self.suites.get(version, ()))
        left = [code for code in codes if code not in found]
        said = await self._asked(self._offer(version, left), before) if left else None
        if said:
            self.suites.setdefault(version, []).append(said.suite)
        return said is not None

    async def _suites_and_groups(self, version: TlsVersion, families: Families) -> None:
        # As long as an answer shows a new suite and a new group, one hello asks for both.
        codes = [code for family in families for code in family]
        found, left = self.suites[version], list(GROUPS)
        seen = -1
        while left and seen < len(found):
            seen = len(found)
            await self._group(version, sorted(codes, key=found.__contains__), left)
        await asyncio.gather(
            self._groups(version, left), self._chains(version, families, before=_PROBABLE)
        )

    async def _groups(self, version: TlsVersion, left: list[int]) -> None:
        while left:
            await self._group(version, self.suites.get(version, ()), left)

    async def _group(self, version: TlsVersion, codes: Sequence[int], left: list[int]) -> None:
        """Ask for a group of `left`, which loses it: all of them when the server takes no more."""
        names = suites()
        codes = [code for code in codes if _WITH_GROUP.match(names[code])]
        offer = self._offer(version, codes, groups=tuple(left), wants_group=True)
        said = await self._asked(offer) if codes else None
        if not said or said.group not in left:
            left.clear()
            return
        left.remove(said.group)
        self.groups.add(said.group)
        if said.suite not in self.suites[version]:
            self.suites[version].append(said.suite)

    async def _preference(self, seen: Mapping[TlsVersion, asyncio.Task[None]]) -> None:
        names = suites()
        for version in (*_OLD, _NEWEST):
            await seen[version]
            codes = [c for c in self.suites.get(version, ()) if not _CHACHA.search(names[c])]
            if len(codes) > 1:
                offers = (self._offer(version, order) for order in (codes, codes[::-1]))
                first, last = await asyncio.gather(*map(self._asked, offers))
                self.preference = _preference(codes, first, last)
                return

    async def _asked(self, offer: Offer, before: int = 0) -> Reply | None:
        async with self._turns.one(_RANKS[offer.version]):
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


def _parts(version: TlsVersion) -> tuple[Families, Families]:
    return ((_new(),), ()) if version == _NEWEST else parts()


def _pieces(version: TlsVersion) -> Families:
    every = (part for families in _parts(version) for part in families)
    return tuple(part[at : at + _PIECE] for part in every for at in range(0, len(part), _PIECE))


@functools.cache
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
