"""In which order sslyze asks for suites: so that much is known by the time that most are asked."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from certcheck.probe.families import family_of, is_likely, likelihood

# What sslyze's newer library asks for, in a hello of its own.
_NEWER = re.compile("CCM|ARIA|CHACHA20|CAMELLIA_.*SHA(256|384)")
_CURVES = re.compile("ECDH")

# sslyze's command, which is for one version, and the name of a suite.
Suite = tuple[str, str]


def agenda(suites: Iterable[Suite]) -> list[Suite]:
    """All of these: one of each likely family, then one of each other family, then all others.

    Kinds of hello take turns, so that who waits for the answer to one is not in the way of others.
    """
    kinds: dict[object, list[Suite]] = defaultdict(list)
    for command, name in suites:
        kind = command, bool(_CURVES.search(name)), bool(_NEWER.search(name))
        kinds[kind].append((command, name))
    parts = [_parted(kind) for kind in kinds.values()]
    return [*_in_turn(likely for likely, _ in parts), *_in_turn(others for _, others in parts)]


def _parted(kind: Sequence[Suite]) -> tuple[list[Suite], list[Suite]]:
    firsts: list[Suite] = []
    others: list[Suite] = []
    seen = set()
    for suite in sorted(kind, key=lambda suite: (likelihood(suite[1]), suite)):
        family = family_of(suite[1])
        (others if family in seen else firsts).append(suite)
        seen.add(family)
    likely = [suite for suite in firsts if is_likely(suite[1])]
    return likely, [*firsts[len(likely) :], *others]


def _in_turn(kinds: Iterable[Sequence[Suite]]) -> Iterator[Suite]:
    return (suite for turn in zip_longest(*kinds) for suite in turn if suite)
