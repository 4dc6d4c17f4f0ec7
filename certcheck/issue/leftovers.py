"""What a killed run left presented is taken down by the next one."""

from collections.abc import Callable

from certcheck.errors import InputError, Obstacle
from certcheck.host.door import Host
from certcheck.issue import dns01, http01
from certcheck.issue.solver import Challenge, ChallengeSolver
from certcheck.store.orders import Order, Presented

# A solver of each kind, made of its own word for its place; raises ValueError or InputError.
_SOLVERS: dict[str, Callable[[str, Host], ChallengeSolver]] = {
    "http-01": http01.solver,
    "dns-01": dns01.solver,
}


def take_down(order: Order, host: Host) -> None:
    """Take down what is left of an order's challenges; doing it again does no harm.

    Raises Obstacle for the first that cannot be removed: it stays written down.
    """
    for left in order.leftovers:
        _solver(left, order, host).take_down(
            Challenge(
                kind=left.kind,
                name=left.name,
                token=left.token,
                key_authorization=left.key_authorization,
            )
        )
        order.removed(left.token)


def _solver(left: Presented, order: Order, host: Host) -> ChallengeSolver:
    try:
        return _SOLVERS[left.kind](left.place, host)
    except (KeyError, ValueError, InputError) as e:
        raise Obstacle(
            f"the {left.kind} challenge for {left.name} may still be presented, and {left.place!r}"
            " does not say where",
            hint=f"take it down by hand, and move {order.folder} away",
        ) from e
