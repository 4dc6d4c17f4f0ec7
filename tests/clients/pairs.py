"""A pair is a program and a shape: what was predicted of it, and what it really did."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from certcheck.model.prediction import Result

# What the last run of each part has recorded; `python -m tests.clients` writes them.
FOLDER = Path(__file__).parent.parent.parent / "fixtures" / "proof"
LIGHT = FOLDER / "light.json"
HEAVY = FOLDER / "heavy.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One line of the table; `reason` is the prediction's."""

    client: str
    program: str
    shape: str
    predicted: Result
    happened: Result
    reason: str

    @property
    def agreed(self) -> bool:
        """Whether the program did what was predicted."""
        return self.predicted == self.happened

    @property
    def key(self) -> tuple[str, str]:
        """What makes it this pair."""
        return self.program, self.shape


def read(path: Path) -> tuple[Pair, ...]:
    """The pairs that a run has recorded."""
    return tuple(Pair(**each) for each in json.loads(path.read_text()))


def write(path: Path, found: Sequence[Pair]) -> None:
    """Record the pairs of a run."""
    lines = ",\n".join(json.dumps(asdict(each)) for each in found)
    path.write_text(f"[\n{lines}\n]\n")
