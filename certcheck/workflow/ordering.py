"""From orders to a stored generation, in one run or in two when the first did not end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from certcheck import x509
from certcheck.errors import UnfitBundle
from certcheck.issue.authority import Authority
from certcheck.issue.certbot import Certbot
from certcheck.issue.http01 import Listener
from certcheck.issue.leftovers import take_down
from certcheck.issue.order import Ca, Issued, Terms, issued
from certcheck.issue.solver import ChallengeSolver
from certcheck.model.bundle import Generation, Pair
from certcheck.model.endpoint import Hostname
from certcheck.store import bundles, orders
from certcheck.store.orders import Begun, Closing, Order
from certcheck.workflow.keeping import keep
from certcheck.workflow.means import Means
from certcheck.workflow.preflight import preflight
from certcheck.x509 import KeyKind

DEADLINE = 300.0  # seconds for one order: validation by several vantage points takes a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The certificates to order for one bundle, one a key.

    `solver` answers their challenges, or sees to all.
    """

    bundle: str
    names: tuple[Hostname, ...]
    keys: tuple[KeyKind, ...]
    solver: ChallengeSolver | Certbot

    def includes(self, head: Begun, authority: Authority) -> bool:
        """Whether an order of an earlier run was for one key of this, at this authority."""
        return (
            head.bundle == self.bundle
            and frozenset(head.names) == {name.ascii for name in self.names}
            and head.key in self.keys
            and head.directory == authority.directory
        )


def generation(
    wanted: Wanted, solver: ChallengeSolver, authority: Authority, means: Means
) -> Generation:
    """The new generation of a bundle: all its keys or none; the caller holds the lock.

    Orders that an earlier run has left are gone on with where they fit, and dropped where they do
    not. Raises what orders, judge and store raise.
    """
    try:
        left = _fitting(wanted, authority, means)
        begun = {key: partial(_begun, key, wanted, authority, means) for key in wanted.keys}
        done = [
            issued(
                left.get(key) or begin(),
                terms(authority, means),
                solver=solver,
                anew=begin,
                before_order=partial(_look_first, wanted, solver, means),
            )
            for key, begin in begun.items()
        ]
        return stored(done, means)
    except BaseException:
        for order in open_orders(means, wanted.bundle):
            if order.url is None:  # nothing that a later run could go on with
                leave(order, "dropped", means)
        raise


def stored(done: Sequence[Issued], means: Means) -> Generation:
    """The generation of these certificates, stored, and their orders closed.

    Raises UnfitBundle, with the orders dropped, when it must not reach a server.
    """
    state, head = means.site.site.state, done[-1].order.head
    new = Generation(
        bundle=head.bundle,
        number=bundles.next_number(state, head.bundle),
        names=head.names,
        authority=head.directory,
        created=means.clock(),
        pairs=tuple(Pair(key_pem=d.key_pem, chain=d.chain, order_url=d.order_url) for d in done),
    )
    try:
        keep(state, new, names=new.names, now=means.clock())
    except UnfitBundle:
        _leave_all(done, "dropped", means)
        raise
    means.say(f"stored as {new.ref}")
    _leave_all(done, "done", means)
    return new


def settled(means: Means) -> tuple[tuple[Order, Generation], ...]:
    """The orders whose generation a killed run had stored; they are closed now."""
    return tuple(_settled(means))


def open_orders(means: Means, bundle: str) -> tuple[Order, ...]:
    """The orders of a bundle that nobody has ended, the youngest first."""
    return tuple(o for o in orders.unfinished(means.site.site.state) if o.head.bundle == bundle)


def terms(authority: Authority, means: Means) -> Terms:
    """The terms of every order of this run."""
    return Terms(
        authority=authority,
        state=means.site.site.state,
        host=means.here,
        deadline=DEADLINE,
        progress=means.say,
    )


def leave(order: Order, result: Closing, means: Means) -> None:
    """Close an order, with nothing left of its challenges. Raises Obstacle."""
    take_down(order, means.here)
    if not order.closed:
        order.close(result)


def _fitting(wanted: Wanted, authority: Authority, means: Means) -> dict[KeyKind, Order]:
    fitting: dict[KeyKind, Order] = {}
    for order in open_orders(means, wanted.bundle):
        ours = wanted.includes(order.head, authority) and order.has_key
        if ours and order.head.key not in fitting:
            fitting[order.head.key] = order
        else:
            means.say(f"dropping the order of {order.begun}, which was for something else")
            leave(order, "dropped", means)
    return fitting


def _look_first(wanted: Wanted, solver: ChallengeSolver, means: Means, ca: Ca) -> None:
    preflight(
        wanted.names,
        kind=solver.kind,
        caa_identities=ca.caa_identities,
        account_uri=ca.account,
        resolver=means.asking.resolver,
        say=means.say,
        own_listener=isinstance(solver, Listener),
    )


def _begun(key: KeyKind, wanted: Wanted, authority: Authority, means: Means) -> Order:
    head = Begun(
        bundle=wanted.bundle,
        names=tuple(name.ascii for name in wanted.names),
        key=key,
        keys=wanted.keys,
        directory=authority.directory,
        created=means.clock(),
    )
    return orders.begin(means.site.site.state, head, x509.new_key(key))


def _settled(means: Means) -> Iterator[tuple[Order, Generation]]:
    for order in orders.unfinished(means.site.site.state):
        # Every run that stores a generation closes the orders of the bundle before.
        newest = bundles.newest(means.site.site.state, order.head.bundle)
        if newest and order.url in {pair.order_url for pair in newest.pairs}:
            means.say(f"the killed run {order.id} had stored {newest.ref}")
            leave(order, "done", means)
            yield order, newest


def _leave_all(done: Sequence[Issued], result: Closing, means: Means) -> None:
    for each in done:
        leave(each.order, result, means)
