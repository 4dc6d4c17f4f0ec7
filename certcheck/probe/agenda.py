"""In which order sslyze asks for suites: so that much is known by the time that most are asked."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from certcheck.probe.families import family_of, likelihood

# What sslyze's newer library asks for, in a hello of its own.
_NEWER = re.compile("CCM|ARIA|CHACHA20|CAMELLIA_.*SHA(256|384)")
_CURVES = re.compile("ECDH")

# sslyze's command, which is for one version, and the name of a suite.
Suite = tuple[str, str]


def agenda(suites: Iterable[Suite]) -> list[Suite]:
    """All of these, each kind of hello in turn: the likeliest of each family, then all others.

    So who waits for the answer to one kind is not in the way of the others.
    """
    kinds: dict[object, list[Suite]] = defaultdict(list)
    for command, name in suites:
        kind = command, bool(_CURVES.search(name)), bool(_NEWER.search(name))
        kinds[kind].append((command, name))
    turns = zip_longest(*map(_in_turn, kinds.values()))
    return [suite for turn in turns for suite in turn if suite]


def _in_turn(kind: Sequence[Suite]) -> Iterator[Suite]:
    others, seen = [], set()
    for suite in sorted(kind, key=lambda suite: (likelihood(suite[1]), suite)):
        family = family_of(suite[1])
        if family in seen:
            others.append(suite)
        else:
            seen.add(family)
            yield suite
    yield from others
