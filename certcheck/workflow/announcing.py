"""Which generation each endpoint shall serve: by --bundle, or by the toml's own bundles."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from certcheck.config import Site
from certcheck.errors import InputError, Obstacle
from certcheck.model.bundle import Generation
from certcheck.model.endpoint import Endpoint
from certcheck.names import covers
from certcheck.store import bundles


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """By endpoint URL what it shall serve; `leaves` (SHA-256) are those of all bundles."""

    by_endpoint: Mapping[str, Generation] = field(default_factory=dict)
    leaves: frozenset[str] = frozenset()


def announced(site: Site, endpoints: Sequence[Endpoint], ref: str | None) -> Announced:
    """What the endpoints shall serve; nothing where neither `ref` nor the toml names a bundle.

    `ref` speaks for every endpoint whose name its generation covers, unless the toml gives that
    endpoint another bundle. Raises InputError when it covers none, Obstacle when it is not kept.
    """
    own = _own(site)
    named = {e.url.url: e.bundle for e in site.endpoint if e.bundle}
    given = bundles.load(site.site.state, *bundles.reference(ref)) if ref else None
    found: dict[str, Generation] = {}
    for each in endpoints:
        bundle = named.get(each.url)
        if given and bundle in {None, given.bundle} and _covered(given, each):
            found[each.url] = given
        elif bundle in own:
            found[each.url] = own[bundle]
    if given and given not in found.values():
        raise InputError(
            f"{given.ref} covers no name that is looked at", hint=f"it has {', '.join(given.names)}"
        )
    everything = (*own.values(), *((given,) if given else ()))
    return Announced(
        by_endpoint=found, leaves=frozenset(leaf for g in everything for leaf in g.leaves)
    )


def _own(site: Site) -> dict[str, Generation]:
    """The newest generation of each bundle of the toml, as far as this user may read the store."""
    found: dict[str, Generation] = {}
    for table in site.bundle:
        with suppress(Obstacle):  # looking on needs no store
            if newest := bundles.newest(site.site.state, table.name):
                found[table.name] = newest
    return found


def _covered(generation: Generation, endpoint: Endpoint) -> bool:
    host = endpoint.host
    return host.is_ip or any(covers(name, host.ascii) for name in generation.names)
