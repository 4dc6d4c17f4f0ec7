"""Which suites and groups a server takes, asked by hellos of our own: no other engine has a say.

A ServerHello names one accepted suite. So a chain of hellos, each without the suite that was just
chosen, finds n suites by n + 1 questions.
"""

import asyncio
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from certcheck.model.observation import Preference, TlsVersion
from certcheck.probe.crossing import Trouble
from certcheck.probe.doubt import Doubt
from certcheck.probe.hello import VERSIONS, Offer
from certcheck.probe.look import Door
from certcheck.probe.offering import chosen
from certcheck.probe.reply import Reply
from certcheck.probe.suites import GROUPS, is_new, suites

# A server that does not take a hello with all suites may take one with so many.
_PIECE = 48
# Chains that run beside each other.
_KEY_EXCHANGES = ("TLS_ECDHE_ECDSA_", "TLS_ECDHE_RSA_", "TLS_DHE_RSA_", "TLS_RSA_", "TLS_")
_WITH_CURVE = re.compile(r"TLS_ECDHE_(RSA|ECDSA)_")
# Some servers move it to the front for those who do (OpenSSL: SSL_OP_PRIORITIZE_CHACHA).
_CHACHA = re.compile(r"CHACHA20")
_OLD: tuple[TlsVersion, ...] = ("TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3")


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
        self._in_pieces = False

    async def run(self) -> None:
        """Ask everything; known versions first, as they show whether a large hello is taken."""
        for versions in (self._known, [v for v in VERSIONS if v not in self._known]):
            await asyncio.gather(*(self._version(version) for version in versions))
        old = next((version for version in _OLD if version in self.suites), _OLD[-1])
        await asyncio.gather(self._groups("TLSv1.3"), self._groups(old), self._preference(old))

    async def _version(self, version: TlsVersion) -> None:
        codes = [code for code in suites() if is_new(code) == (version == "TLSv1.3")]
        known = version in self._known
        first = await chosen(self._door, self.doubt, self._offer(version, codes))
        if isinstance(first, Reply):
            self.suites[version] = [first.suite]
            parts = _families(codes)
        elif known or self._in_pieces:
            parts = (codes[at : at + _PIECE] for at in range(0, len(codes), _PIECE))
        else:
            self._certain(first)
            return
        await asyncio.gather(*(self._chain(version, part) for part in parts))
        if version in self.suites:
            self._in_pieces |= not isinstance(first, Reply)
        elif known:
            self.doubt.taint(f"no cipher suite of {version}, which a handshake had")

    async def _chain(self, version: TlsVersion, codes: Sequence[int]) -> None:
        left = [code for code in codes if code not in self.suites.get(version, ())]
        while left and (said := await self._asked(self._offer(version, left))):
            self.suites.setdefault(version, []).append(said.suite)
            left.remove(said.suite)

    async def _groups(self, version: TlsVersion) -> None:
        codes = self.suites.get(version, [])
        if version != "TLSv1.3":
            codes = [code for code in codes if _WITH_CURVE.match(suites()[code])]
        left = list(GROUPS)
        while codes and left:
            offer = self._offer(version, codes, groups=tuple(left), wants_group=True)
            said = await self._asked(offer)
            if not said or said.group not in left:
                return
            left.remove(said.group)
            self.groups.add(said.group)

    async def _preference(self, old: TlsVersion) -> None:
        for version in (old, "TLSv1.3"):
            names = suites()
            codes = [c for c in self.suites.get(version, ()) if not _CHACHA.search(names[c])]
            if len(codes) > 1:
                first = await self._asked(self._offer(version, codes))
                last = await self._asked(self._offer(version, codes[::-1]))
                self.preference = _preference(codes, first, last)
                return

    async def _asked(self, offer: Offer) -> Reply | None:
        return self._certain(await chosen(self._door, self.doubt, offer))

    def _certain(self, said: Reply | Trouble | None) -> Reply | None:
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


def _families(codes: Sequence[int]) -> Iterator[list[int]]:
    left = {code: suites()[code] for code in codes}
    for start in _KEY_EXCHANGES:
        family = [code for code, name in left.items() if name.startswith(start)]
        for code in family:
            del left[code]
        yield family


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
