"""sslyze's list of suites and our own, held against each other; neither engine sees the other's."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from certcheck.errors import listed
from certcheck.iana import GROUPS, suites
from certcheck.model.observation import TlsVersion
from certcheck.probe.conclusion import Scanned
from certcheck.probe.crossing import Trouble
from certcheck.probe.doubt import Doubt
from certcheck.probe.enumeration import Enumerated
from certcheck.probe.hello import VERSIONS, Offer
from certcheck.probe.look import Door
from certcheck.probe.offering import chosen

_SHOWN = 4
# sslyze's libraries offer curves, and not the groups of RFC 7919.
_CURVES = tuple(code for code, name in GROUPS.items() if not name.startswith("ffdhe"))

_Pair = tuple[TlsVersion, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """All suites that one of the two had accepted, and what they disagree on, as sentences."""

    suites: Mapping[str, tuple[str, ...]]
    disagreements: tuple[str, ...]
    doubts: tuple[str, ...]
    connections: int


async def compared(door: Door, own: Enumerated, scan: Scanned) -> Compared:
    """Both lists as one. Where they differ, the server is asked once more, as sslyze would ask.

    Only suites that both know are compared, and of sslyze's refusals only those that are certain.
    One that is refused without the groups that sslyze lacks is no disagreement: a server may take
    DHE only from those who know its groups (RFC 7919).
    """
    doubt = Doubt()
    theirs = [*_pairs(scan.suites, lambda v, n: n not in own.suites.get(v, ()))]
    ours = [*_pairs(own.suites, lambda v, n: v in scan.refusals and n in scan.refusals[v].all)]
    taken = await asyncio.gather(*(_is_taken(door, doubt, *p) for p in (*theirs, *ours)))
    said = dict(zip((*theirs, *ours), taken, strict=True))
    return Compared(
        suites=_together(scan.suites, own.suites),
        disagreements=(
            *_sentences("sslyze", "certcheck", [p for p in theirs if said[p] is False]),
            *_sentences("certcheck", "sslyze", [p for p in ours if said[p]]),
        ),
        doubts=tuple(f"not known whose list of suites is right: {t}" for t in doubt.taints()),
        connections=doubt.connections,
    )


def _pairs(
    found: Mapping[str, Sequence[str]],
    in_dispute: Callable[[TlsVersion, str], bool],
) -> Iterator[_Pair]:
    for version in VERSIONS:
        for name in found.get(version, ()):
            if in_dispute(version, name):
                yield version, name


async def _is_taken(door: Door, doubt: Doubt, version: TlsVersion, name: str) -> bool | None:
    code = next(code for code, known in suites().items() if known == name)
    said = await chosen(
        door,
        doubt,
        Offer(
            version=version,
            suites=(code,),
            groups=_CURVES,
            server_name=door.endpoint.host.server_name,
        ),
    )
    if isinstance(said, Trouble):
        doubt.taint(said.text)
        return None
    return said is not None


def _together(
    one: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    return {
        version: tuple(dict.fromkeys((*one.get(version, ()), *other.get(version, ()))))
        for version in ("SSLv2", *VERSIONS)
        if version in one or version in other
    }


def _sentences(one: str, other: str, pairs: Sequence[_Pair]) -> Iterator[str]:
    for version in VERSIONS:
        if names := [name for of, name in pairs if of == version]:
            some = listed(names, most=_SHOWN)
            yield f"{version}: accepted for {one}, refused for {other}: {some}"
