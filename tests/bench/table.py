"""What the bench shows side by side, and how much faster the first must be than the others."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.measure import Job, Sample, Seen

_MEGABYTE = 1_000_000
_ALL_THE_SAME = "the same suites; the same leaves"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One piece of work, done by several tools; the first of them is ours.

    `goals` are the least ratios peer / ours, by the peer's name. `far` is the proxy's address, if
    all goes through it. `per_profile` compares the time of one simulated client; `most` makes the
    goals largest ratios ours / peer, and with `same` both must have seen the same. `trips` is how
    many round trips one connection takes at least, if that decides; `tried` says what is known
    where a goal is not reached. `seconds` is a bound of our own, without a peer.
    """

    key: str
    work: str
    where: str
    jobs: tuple[Job, ...]
    goals: Mapping[str, float] = field(default_factory=dict)
    far: str | None = None
    per_profile: bool = False
    most: bool = False
    same: bool = False
    trips: int = 0
    tried: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The runs of one job; `start` is what the interpreter's start took of each, where it counts.

    It counts on loopback, for everything that is written in Python.
    """

    job: Job
    samples: tuple[Sample, ...]
    start: float = 0.0

    @property
    def worked(self) -> tuple[Sample, ...]:
        """The runs that had a result."""
        return tuple(each for each in self.samples if each.seen is not None)

    @property
    def seen(self) -> Seen | None:
        """What the last run with a result saw."""
        return self.worked[-1].seen if self.worked else None

    @property
    def wall(self) -> float:
        """The median of the whole time, in seconds; raises StatisticsError without any."""
        return statistics.median(each.wall for each in self.worked)

    @property
    def net(self) -> float:
        """The same without the interpreter's start."""
        return max(self.wall - self.start, 0.001)

    @property
    def cpu(self) -> float:
        """The median of the processor time, in seconds."""
        return statistics.median(each.cpu for each in self.worked)

    @property
    def memory(self) -> float:
        """The median of the largest memory, in MB."""
        return statistics.median(each.memory for each in self.worked) / _MEGABYTE

    @property
    def connections(self) -> int:
        """The median of the connections."""
        return int(statistics.median(each.connections for each in self.worked))

    @property
    def at_once(self) -> int | None:
        """The most connections at one time in any run, where a proxy saw them."""
        counts = [each.at_once for each in self.worked if each.at_once is not None]
        return max(counts, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One ratio of the table of goals; `ratio` is None where there is no result to compare."""

    row: Row
    peer: str
    ours: Result
    theirs: Result
    goal: float
    ratio: float | None

    @property
    def difference(self) -> str:
        """Whether both saw the same, in a few words."""
        return compared(self.ours.seen, self.theirs.seen)

    @property
    def reached(self) -> bool:
        """Whether the ratio is good enough."""
        if self.ratio is None or (self.row.same and self.difference != _ALL_THE_SAME):
            return False
        return self.ratio <= self.goal if self.row.most else self.ratio >= self.goal


def ratio(row: Row, ours: Result, theirs: Result) -> float | None:
    """What is compared, peer / ours or ours / peer; None when one has no result."""
    if not ours.worked or not theirs.worked:
        return None
    mine, other = _each(row, ours), _each(row, theirs)
    return mine / other if row.most else other / mine


def _each(row: Row, result: Result) -> float:
    profiles = result.seen.profiles if row.per_profile and result.seen else 1
    return result.net / max(profiles, 1)


def verdicts(row: Row, results: Sequence[Result]) -> list[Verdict]:
    """Each goal of a row, and whether it is reached."""
    by_name = {each.job.name: each for each in results}
    ours = results[0]
    return [
        Verdict(
            row=row,
            peer=peer,
            ours=ours,
            theirs=by_name[peer],
            goal=goal,
            ratio=ratio(row, ours, by_name[peer]),
        )
        for peer, goal in row.goals.items()
    ]


def compared(ours: Seen | None, theirs: Seen | None) -> str:
    """Whether a peer saw the same as we did, in a few words."""
    if ours is None or theirs is None:
        return "nothing to compare"
    words = [*_suites_compared(ours, theirs), *_leaves_compared(ours, theirs)]
    return "; ".join(words) or "not comparable"


def _suites_compared(ours: Seen, theirs: Seen) -> list[str]:
    mine, other = _pairs(ours), _pairs(theirs)
    if not mine or not other:
        return []
    if mine == other:
        return ["the same suites"]
    return [f"suites: {len(other - mine)} more, {len(mine - other)} fewer"]


def _pairs(seen: Seen) -> set[tuple[str, str]]:
    return {(version, name) for version, names in seen.suites.items() for name in names}


def _leaves_compared(ours: Seen, theirs: Seen) -> list[str]:
    if not ours.leaves or not theirs.leaves:
        return []
    if ours.leaves == theirs.leaves:
        return ["the same leaves"]
    if theirs.leaves < ours.leaves:
        addresses = {address for address, _ in theirs.leaves} == {a for a, _ in ours.leaves}
        return [f"{len(theirs.leaves)} of our leaves{', each address' if addresses else ''}"]
    return [f"leaves: {len(theirs.leaves - ours.leaves)} that we have not"]


def words(seen: Seen | None) -> str:
    """What a tool saw, in numbers."""
    if seen is None:
        return "nothing"
    parts = (
        (sum(map(len, seen.suites.values())), "suites"),
        (len(seen.leaves), "leaves"),
        (seen.profiles, "clients"),
        (seen.doubts, "doubts"),
    )
    return ", ".join(f"{count} {name}" for count, name in parts if count) or "-"
