"""What the handshakes with one port, one after the other, amount to; as small after a month."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from certcheck.probe.moments import Moment

KEPT = 10  # certificates at the start, and as many at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One handshake: the leaf that was served, or a `kind` of failure and its detail."""

    started: Moment
    ended: Moment
    leaf: str = ""
    kind: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time without a good handshake."""

    since: Moment
    until: Moment

    @property
    def seconds(self) -> float:
        """Its length, by the clock that nobody sets."""
        return max(0.0, self.until.steady - self.since.steady)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """One certificate, from the first to the last handshake in a row that had it."""

    leaf: str
    since: Moment
    until: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """News of a port. `gap` is the outage that has ended, `before` the certificate until now."""

    what: Literal["serves", "away", "back", "certificate"]
    at: Moment
    leaf: str = ""
    before: str = ""
    gap: Gap | None = None
    kind: str = ""
    detail: str = ""


class Outages:
    """All of one port: it is told of handshakes in the order in which they were started.

    A gap is the time from the end of the last good handshake to the end of the next good one,
    where one that was started between them has failed. Before the first good one it begins with
    the start of the first failure; one that goes on reaches to the end of the last failure. Where
    nobody has looked (`unwatched`) it ends, and what follows is as at the beginning.
    """

    def __init__(self) -> None:
        self.handshakes = self.failed = self.outages = 0
        self.kinds = Counter[str]()
        self.first_failure: Moment | None = None
        self.last_failure: Moment | None = None
        self.slowest = 0.0
        self.spells = Spells()
        self._good: Moment | None = None
        self._open: Gap | None = None
        self._longest: Gap | None = None
        self._away = 0.0

    @property
    def is_away(self) -> bool:
        """Whether the last handshake has failed."""
        return self._open is not None

    @property
    def longest(self) -> Gap | None:
        """The longest gap, be it the one that goes on."""
        return _longer(self._longest, self._open)

    @property
    def away(self) -> float:
        """The seconds of all gaps together."""
        return self._away + (self._open.seconds if self._open else 0.0)

    def heard(self, beat: Beat) -> tuple[Change, ...]:
        """What is new with this handshake."""
        self.handshakes += 1
        return self._failed(beat) if beat.kind else tuple(self._served(beat))

    def unwatched(self) -> None:
        """From the last handshake until now nobody has looked."""
        self._close(self._open)
        self._good = None

    def _failed(self, beat: Beat) -> tuple[Change, ...]:
        self.failed += 1
        self.kinds[beat.kind] += 1
        self.first_failure = self.first_failure or beat.started
        self.last_failure = beat.started
        if self._open:
            # One that hangs ends later than one that was started after it and refused at once.
            until = max(self._open.until, beat.ended, key=lambda moment: moment.steady)
            self._open = replace(self._open, until=until)
            return ()
        self.outages += 1
        self._open = Gap(since=self._good or beat.started, until=beat.ended)
        return (Change(what="away", at=beat.started, kind=beat.kind, detail=beat.detail),)

    def _served(self, beat: Beat) -> Iterator[Change]:
        if self._open:
            gap = replace(self._open, until=beat.ended)
            self._close(gap)
            yield Change(what="back", at=beat.ended, leaf=beat.leaf, gap=gap)
        self._good = beat.ended
        self.slowest = max(self.slowest, beat.ended.steady - beat.started.steady)
        before = self.spells.current
        if self.spells.served(beat.leaf, beat.ended) and not self.spells.left_out:
            what: Literal["serves", "certificate"] = "certificate" if before else "serves"
            yield Change(what=what, at=beat.ended, leaf=beat.leaf, before=before)

    def _close(self, gap: Gap | None) -> None:
        if gap:
            self._longest = _longer(self._longest, gap)
            self._away += gap.seconds
        self._open = None


class Spells:
    """Which certificates were served, in order; of very many, the first and the last ones."""

    def __init__(self) -> None:
        self._first: list[Spell] = []
        self._last = deque[Spell](maxlen=KEPT)
        self._now: Spell | None = None
        self.left_out = 0

    @property
    def current(self) -> str:
        """The leaf that was served last."""
        return self._now.leaf if self._now else ""

    @property
    def kept(self) -> tuple[Spell, ...]:
        """All that are not left out."""
        return (*self._first, *self._last, *((self._now,) if self._now else ()))

    def served(self, leaf: str, at: Moment) -> bool:
        """Whether this certificate is another one than the last time."""
        if self._now and self._now.leaf == leaf:
            self._now = replace(self._now, until=at)
            return False
        if self._now:
            self._keep(self._now)
        self._now = Spell(leaf=leaf, since=at, until=at)
        return True

    def _keep(self, spell: Spell) -> None:
        if len(self._first) < KEPT:
            self._first.append(spell)
            return
        self.left_out += len(self._last) == KEPT
        self._last.append(spell)


def _longer(one: Gap | None, other: Gap | None) -> Gap | None:
    if one is None or other is None:
        return one or other
    return other if other.seconds > one.seconds else one
