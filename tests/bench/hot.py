"""Where our own processor time goes: cProfile's top places, without the waiting."""

import pstats
import re
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import Job, run

_TOP = 8
_LIMIT = 180.0
# The folder of a package's files, and all above it.
_ABOVE = re.compile(r".*/(?:site-packages|python3\.\d+)/|.*/(?=(?:certcheck|tests)/)")
_WAITING = "select.epoll"

Stats = dict[tuple[str, int, str], tuple[int, int, float, float, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hot:
    """One profiled run: its seconds without waiting, and its top places by own time."""

    name: str
    seconds: float
    places: tuple[tuple[str, float, int], ...]


def profiled(job: Job, directory: Path) -> Hot:
    """The job once more, by cProfile; raises OSError when it has left no profile."""
    kept, output = directory / "profile", directory / "profiled"
    kept.unlink(missing_ok=True)
    python, *rest = job.argv
    argv = [
        python,
        "-m",
        "cProfile",
        "-o",
        str(kept),
        *(w.replace("{out}", str(output)) for w in rest),
    ]
    run(argv, stdout=output, stderr=directory / "stderr", limit=_LIMIT)
    return summarised(job.name, pstats.Stats(str(kept)).stats)  # type: ignore[attr-defined]


def summarised(name: str, stats: Stats) -> Hot:
    """The top places of a profile."""
    own = [(_place(*key), times[2], times[0]) for key, times in stats.items()]
    busy = sorted((each for each in own if _WAITING not in each[0]), key=lambda each: -each[1])
    total = sum(seconds for _, seconds, _ in busy)
    return Hot(name=name, seconds=total, places=tuple(busy[:_TOP]))


def _place(file: str, _line: int, function: str) -> str:
    function = re.sub(r" at 0x[0-9a-f]+", "", function).strip("<>")
    if file in ("~", ""):
        return function
    return f"{_ABOVE.sub('', file)}: {function}"
