"""What is known of one kind of hello: which suites it brings, which it does not, what may hide."""

import asyncio
from collections.abc import Sequence

from certcheck.probe.families import Families, Family, family, fragile

# Who has done the second can do the first: it needs the same parameters, and no signature.
_SHOWN_BY = {"DH_anon": "DHE"}


class Standing:
    """The memory of one kind of hello, such as those of one version with curves.

    Who asks for what is not known yet takes a `turn`. `asked` are the families that came in such
    hellos, `taken` those that the server takes something of, `alone` are suites that it refused
    without company, and `refused` how it says no to each that is settled, empty for a hang-up.
    """

    def __init__(self, company: Sequence[int]) -> None:
        self.turn = asyncio.Lock()
        self.asked: set[Family | None] = set()
        self.taken: dict[Family | None, int] = {}
        self.alone: set[int] = set()
        self.refused: dict[int, bytes] = {}
        self._company = company
        self._shown: set[str] = {""}

    def take(self, suite: int) -> None:
        """The server has chosen this one, so it can do such."""
        self.taken.setdefault(family(suite), suite)
        self._shown.add(fragile(suite))

    def refuse(self, codes: Sequence[int], said: bytes) -> None:
        """The server takes none of these."""
        self.refused.update(dict.fromkeys(codes, said))

    def unknown(self) -> tuple[int, ...]:
        """All suites that it may take or not, as it has taken nothing of their families."""
        left = (code for code in self._company if code not in self.refused)
        return tuple(code for code in left if family(code) not in self.taken)

    def apart(self, codes: Sequence[int]) -> Families:
        """Those suites in parts, none of which hides a suite: see `families.fragile`."""
        parts: dict[str, list[int]] = {}
        for code in codes:
            parts.setdefault("" if self.can(code) else fragile(code), []).append(code)
        return tuple(map(tuple, parts.values()))

    def can(self, suite: int) -> bool:
        """Whether the server can do what it chooses, if it chooses this suite."""
        kind = fragile(suite)
        return kind in self._shown or _SHOWN_BY.get(kind) in self._shown
