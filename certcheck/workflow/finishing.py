"""What becomes of the orders that a killed run left, when nothing new is to be ordered."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from certcheck.errors import CertcheckError, Obstacle
from certcheck.issue.authority import Authority
from certcheck.issue.leftovers import take_down
from certcheck.issue.order import Issued, finished
from certcheck.model.action import Action
from certcheck.model.bundle import Generation
from certcheck.store import orders
from certcheck.store.orders import Begun, Order
from certcheck.workflow.means import Means
from certcheck.workflow.ordering import leave, settled, stored, terms

AuthorityAt = Callable[[str], Authority]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What became of an open journal, or of the open orders of a bundle.

    With an error it may stay open.
    """

    journal: str
    bundle: str
    result: str
    actions: tuple[Action, ...] = ()
    error: CertcheckError | None = None


def order_ends(means: Means, authority_at: AuthorityAt) -> Iterator[End]:
    """Finish the open orders, or drop them where that takes a new proof; the caller has the lock.

    `authority_at` gives the authority at a directory. Raises what it raises.
    """
    had_stored = {generation.ref: order for order, generation in settled(means)}
    for ref, order in had_stored.items():  # one line, also where several keys had an order each
        yield End(journal=order.id, bundle=ref, result="finished")
    left = orders.unfinished(means.site.site.state)
    for bundle in dict.fromkeys(order.head.bundle for order in left):
        yield _end([order for order in left if order.head.bundle == bundle], means, authority_at)


def tidy(means: Means) -> None:
    """Take down what a killed run left presented, and say which orders are unfinished.

    What cannot be taken down is told, and stays written down.
    """
    settled(means)
    for order in orders.unfinished(means.site.site.state):
        try:
            take_down(order, means.here)
        except Obstacle as e:
            means.say(f"warning: {e.message} ({e.hint})")
        means.say(f"{_title(order)} is unfinished: certcheck issue goes on with it")


def _end(left: Sequence[Order], means: Means, authority_at: AuthorityAt) -> End:
    youngest = left[0]
    try:
        generation = _finished(_together(left), authority_at, means)
        for order in left:
            leave(order, "dropped", means)
    except Obstacle as e:
        said = f"{_title(youngest)}: {e.message}"
        return End(
            journal=youngest.id,
            bundle=youngest.head.bundle,
            result="dropped" if youngest.closed else "open",
            error=type(e)(said, hint=e.hint),
        )
    return End(
        journal=youngest.id,
        bundle=generation.ref if generation else youngest.head.bundle,
        result="finished" if generation else "dropped",
    )


def _title(order: Order) -> str:
    return f"the order of {order.begun} for {order.head.bundle}"


def _together(left: Sequence[Order]) -> tuple[Order, ...]:
    """The orders that make one generation with the youngest; none where one is missing."""
    head = left[0].head
    mine = {order.head.key: order for order in reversed(left) if _belongs(order, head)}
    return tuple(mine[key] for key in head.keys) if mine.keys() >= set(head.keys) else ()


def _belongs(order: Order, head: Begun) -> bool:
    same = (order.head.names, order.head.directory) == (head.names, head.directory)
    return same and order.has_key and order.url is not None


def _finished(
    together: Sequence[Order], authority_at: AuthorityAt, means: Means
) -> Generation | None:
    done: list[Issued] = []
    for order in together:
        one = finished(order, terms(authority_at(order.head.directory), means))
        if one is None:
            return None
        done.append(one)
    return stored(done, means) if done else None
