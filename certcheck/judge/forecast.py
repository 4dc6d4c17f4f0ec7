"""What programs will do under very many host names: names that fare alike are told together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from certcheck.judge import served
from certcheck.judge.prediction import Known, predicted
from certcheck.model.client import Client
from certcheck.model.observation import Observation
from certcheck.model.prediction import Prediction
from certcheck.names import covers


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Names under which every program does the same at one endpoint, and what each does."""

    names: tuple[str, ...]
    predictions: tuple[Prediction, ...]


def forecast(
    clients: Sequence[Client], seen: Observation, names: Iterable[str], known: Known
) -> tuple[Forecast, ...]:
    """For each kind of name what `clients` will do; `predictions` are those for its first name."""
    leaves = [each.leaf for each in seen.certificates]
    alike: dict[object, list[str]] = {}
    for name in names:
        covered = tuple(
            (served.covered(leaf, name), any(covers(n, name) for n in leaf.names[:1]))
            for leaf in leaves
        )
        alike.setdefault((name == seen.server_name, covered), []).append(name)
    return tuple(
        Forecast(
            names=tuple(same),
            predictions=tuple(predicted(each, seen, same[0], known) for each in clients),
        )
        for same in alike.values()
    )
