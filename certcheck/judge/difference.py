"""What two observations of one place are compared by: a difference, and how bad it is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from certcheck.model.bundle import Generation
from certcheck.model.change import CLASSES, ChangeClass, Value
from certcheck.model.observation import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that differs; `about` tells two of one field at one place apart.

    `single` are the single things that are gone or new, by which a site may have declared them.
    """

    field: str
    before: Value
    after: Value
    class_: ChangeClass
    message: str
    about: str = ""
    single: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """One endpoint at one address before and after; `address` is that of the later look.

    `announced` is what it shall serve now, and `known` are the leaves (SHA-256) of every bundle,
    which may answer where a client names no server.
    """

    endpoint: str
    address: str | None
    before: Observation | None
    after: Observation | None
    announced: Generation | None = None
    known: frozenset[str] = field(default_factory=frozenset)


Comparison = Callable[[Observation, Observation], Iterable[Difference]]


def worst(classes: Sequence[ChangeClass]) -> ChangeClass:
    """The class that stands for several."""
    return min(classes, key=CLASSES.index)
