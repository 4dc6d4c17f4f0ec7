"""The two parts of the proof: light programs, and heavy ones that take minutes."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.clients import pairs, proof
from tests.clients.light import LIGHT
from tests.clients.pairs import Pair
from tests.clients.servers import up
from tests.clients.shapes import SHAPES


def light(place: Path) -> tuple[Pair, ...]:
    """What the light programs did; `place` is a new directory."""
    with up(place, SHAPES) as site:
        return proof.pairs(site, SHAPES, LIGHT, proof.seen(site, SHAPES))


PARTS: Mapping[str, Callable[[Path], tuple[Pair, ...]]] = {"light": light}
FILES: Mapping[str, Path] = {"light": pairs.LIGHT, "heavy": pairs.HEAVY}
