"""What programs will do under very many host names: names that fare alike are told together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from certcheck.judge.prediction import Known, predicted
from certcheck.model.client import Client
from certcheck.model.observation import Observation
from certcheck.model.prediction import Prediction
from certcheck.names import covering


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Names under which every program does the same at one endpoint, and what each does."""

    names: tuple[str, ...]
    predictions: tuple[Prediction, ...]


def forecast(
    clients: Sequence[Client], seen: Observation, names: Iterable[str], known: Known
) -> tuple[Forecast, ...]:
    """For each kind of name what `clients` will do; `predictions` are those for its first name."""
    kinds = [
        covering(listed)
        for each in seen.certificates
        for listed in (each.leaf.names, each.leaf.names[:1])
    ]
    alike: dict[object, list[str]] = {}
    for name in names:
        covered = tuple(kind(name) for kind in kinds)
        alike.setdefault((name == seen.server_name, covered), []).append(name)
    return tuple(
        Forecast(
            names=tuple(same),
            predictions=tuple(predicted(each, seen, same[0], known) for each in clients),
        )
        for same in alike.values()
    )
