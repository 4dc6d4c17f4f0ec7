"""What is known of one kind of hello: which suites it brings, which it does not, what may hide."""

import asyncio
from collections.abc import Sequence

from certcheck.probe.families import Families, Family, family, fragile

# Who has done the second can do the first: it needs the same parameters, and no signature.
_SHOWN_BY = {"DH_anon": "DHE"}


class Standing:
    """The memory of one kind of hello, such as those of one version with curves.

    Who asks for what is not known yet takes a `turn`. `sampled` says that the server has refused a
    suite that came alone, `asked` which families came in such hellos, and `taken` is what it takes
    at least something of.
    """

    def __init__(self, company: Sequence[int]) -> None:
        self.turn = asyncio.Lock()
        self.sampled = False
        self.refused: dict[int, bytes] = {}
        self.asked: set[Family | None] = set()
        self.taken: set[Family | None] = set()
        self._company = company
        self._shown: set[str] = {""}

    def take(self, suite: int) -> None:
        """The server has chosen this one, so it can do such."""
        self.taken.add(family(suite))
        self._shown.add(fragile(suite))

    def refuse(self, codes: Sequence[int], said: bytes) -> None:
        """The server takes none of these; `said` is how it says so, empty for a hang-up."""
        self.refused.update(dict.fromkeys(codes, said))

    def is_taken(self, suite: int) -> bool:
        """Whether one of its family was taken, so that it may be, too."""
        return family(suite) in self.taken

    def unknown(self) -> tuple[int, ...]:
        """All suites that it may take or not."""
        return tuple(c for c in self._company if not (c in self.refused or self.is_taken(c)))

    def apart(self, codes: Sequence[int]) -> Families:
        """Those suites in parts, none of which hides a suite: see `families.fragile`."""
        parts: dict[str, list[int]] = {}
        for code in codes:
            kind = fragile(code)
            is_shown = bool({kind, _SHOWN_BY.get(kind)} & self._shown)
            parts.setdefault("" if is_shown else kind, []).append(code)
        return tuple(map(tuple, parts.values()))
