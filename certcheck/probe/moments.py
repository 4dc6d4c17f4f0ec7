"""When something was: the wall clock for people, and a clock that nobody sets for arithmetic."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

# Linux: goes on while the machine sleeps, as CLOCK_MONOTONIC does not (clock_gettime(2)).
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_ASLEEP = 5.0
_JUMP = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One instant by both clocks: seconds of the steady one, and UTC as the wall clock had it."""

    steady: float
    at: datetime


Clock = Callable[[], Moment]


def now() -> Moment:
    """The present instant."""
    return Moment(steady=time.clock_gettime(_STEADY), at=datetime.now(UTC))


class Attention:
    """Whether somebody was awake all the time: it is told of moments, at least one a second.

    Between two moments more than 5 s apart nobody looked: the machine slept, or the program stood
    still. Where the wall clock went on by 2 s more or less than the steady one, it was set.
    """

    def __init__(self, start: Moment) -> None:
        self.start = self.last = start
        self.unwatched = 0.0
        self.woke: float | None = None  # the steady second at which nobody had looked last

    @property
    def watched(self) -> float:
        """For how many seconds somebody looked."""
        return self.last.steady - self.start.steady - self.unwatched

    def told(self, moment: Moment) -> tuple[float, float]:
        """Seconds for which nobody has looked, and by which the wall clock was set; 0 for none."""
        gone = moment.steady - self.last.steady
        drift = (moment.at - self.last.at).total_seconds() - gone
        self.last = moment
        asleep = gone if gone > _ASLEEP else 0.0
        if asleep:
            self.unwatched += asleep
            self.woke = moment.steady
        return asleep, drift if abs(drift) > _JUMP else 0.0
