"""`--dry-run` of what observes: which ports would be asked, and by how many connections."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from certcheck.errors import listed
from certcheck.model.endpoint import Endpoint
from certcheck.model.run import Row, Run
from certcheck.probe.budget import BUDGETS
from certcheck.probe.observe import Depth
from certcheck.workflow.asking import Asking, Place, hosts, places
from certcheck.workflow.awaited import awaited
from certcheck.workflow.predicting import Wish

_SHOWN = 4


def budget(
    blank: Run,
    endpoints: Sequence[Endpoint],
    asking: Asking,
    *,
    depths: Sequence[Depth],
    wish: Wish | None = None,
) -> Run:
    """The run with one row per host; names are looked up, and nobody else is asked.

    What a `wish` takes comes on top. Exit 3 when a name has no address: that port could not be
    asked.
    """
    found = awaited(places(endpoints, asking))
    rows = (*_rows(found, asking, depths, wish), *_unresolved(found))
    missing = any(place.address is None for place in found)
    return replace(blank, rows=rows, exit_code=3 if missing else 0)


def beat_budget(
    blank: Run, endpoints: Sequence[Endpoint], asking: Asking, *, interval: float
) -> Run:
    """The same for a watch, which takes its connections as long as it goes on."""
    found = awaited(places(endpoints, asking))
    rows = (
        {**who, "a minute": round(len(of_host) * 60 / interval)}
        | {"an hour": round(len(of_host) * 3600 / interval)}
        for who, of_host in _by_host(found)
    )
    missing = any(place.address is None for place in found)
    return replace(blank, rows=(*rows, *_unresolved(found)), exit_code=3 if missing else 0)


def _rows(
    found: Sequence[Place], asking: Asking, depths: Sequence[Depth], wish: Wish | None
) -> Iterator[Row]:
    for who, of_host in _by_host(found):
        ranges: Row = {depth: _range(depth, of_host) for depth in depths}
        more: Row = (
            {"clients": sum(map(wish.hellos, (p.endpoint for p in of_host)))} if wish else {}
        )
        yield {**who, "at a time": asking.limits.per_host, **ranges, **more}


def _by_host(found: Sequence[Place]) -> Iterator[tuple[Row, list[Place]]]:
    together = hosts(found)
    each: dict[str, list[Place]] = {}
    for place in found:
        if place.address is not None:
            each.setdefault(together[place.address], []).append(place)
    for of_host in each.values():
        names = dict.fromkeys(str(place.endpoint.host) for place in of_host)
        addresses = dict.fromkeys(str(place.address) for place in of_host)
        who: Row = {
            "host": listed(tuple(names), most=_SHOWN),
            "addresses": listed(tuple(addresses), most=_SHOWN),
            "ports": len(of_host),
        }
        yield who, of_host


def _range(depth: Depth, of_host: Sequence[Place]) -> str:
    # A port that only might be there costs one connection when it is closed.
    one = BUDGETS[depth]
    least = sum(one.least if place.endpoint.expected else 1 for place in of_host)
    return f"{least} to {one.most * len(of_host)}"


def _unresolved(found: Sequence[Place]) -> Iterator[Row]:
    gone: Mapping[str, str] = {
        str(place.endpoint.host): place.trouble for place in found if place.address is None
    }
    for name, trouble in gone.items():
        yield {"host": name, "addresses": trouble}
