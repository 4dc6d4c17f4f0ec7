"""The two parts of the proof: light programs, and heavy ones that take minutes."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.clients import pairs, proof
from tests.clients.heavy import HEAVY
from tests.clients.light import LIGHT
from tests.clients.pairs import Pair
from tests.clients.programs import Program
from tests.clients.servers import up
from tests.clients.shapes import SHAPES


def light(place: Path) -> tuple[Pair, ...]:
    """What the light programs did; `place` is a new directory."""
    return _proven(place, LIGHT)


def heavy(place: Path) -> tuple[Pair, ...]:
    """What the heavy programs did; `place` is a new directory."""
    return _proven(place, HEAVY)


def _proven(place: Path, programs: Sequence[Program]) -> tuple[Pair, ...]:
    with up(place, SHAPES) as site:
        return proof.pairs(site, SHAPES, programs, proof.seen(site, SHAPES))


PARTS: Mapping[str, Callable[[Path], tuple[Pair, ...]]] = {"light": light, "heavy": heavy}
FILES: Mapping[str, Path] = {"light": pairs.LIGHT, "heavy": pairs.HEAVY}
