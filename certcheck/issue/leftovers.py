"""What a killed run left presented is taken down by the next one."""

from collections.abc import Callable

from certcheck.errors import Obstacle
from certcheck.issue import http01
from certcheck.issue.solver import Challenge, ChallengeSolver
from certcheck.store.orders import Order, Presented

# A solver of each kind, made of the place that it was given in the journal; raises ValueError.
_SOLVERS: dict[str, Callable[[str], ChallengeSolver]] = {"http-01": http01.solver}


def take_down(order: Order) -> None:
    """Take down what is left of an order's challenges; doing it again does no harm.

    Raises Obstacle for the first that cannot be removed: it stays written down.
    """
    for left in order.leftovers:
        _solver(left, order).take_down(
            Challenge(
                kind=left.kind,
                name=left.name,
                token=left.token,
                key_authorization=left.key_authorization,
            )
        )
        order.removed(left.token)


def _solver(left: Presented, order: Order) -> ChallengeSolver:
    try:
        return _SOLVERS[left.kind](left.place)
    except (KeyError, ValueError) as e:
        raise Obstacle(
            f"the {left.kind} challenge for {left.name} may still be presented, and {left.place!r}"
            " does not say where",
            hint=f"take it down by hand, and move {order.folder} away",
        ) from e
