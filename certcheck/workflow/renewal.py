"""What certbot has renewed becomes a generation of its bundle before an installation chooses."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from certcheck.config import Site
from certcheck.errors import Obstacle
from certcheck.model.bundle import Generation
from certcheck.store import bundles
from certcheck.workflow import lineage
from certcheck.workflow.keeping import refuse_unfit
from certcheck.workflow.means import Means
from certcheck.workflow.serving import names_to_cover


def renewed(
    candidates: Sequence[str], means: Means, *, announced: Path | None
) -> tuple[Generation, ...]:
    """The next generation of each bundle whose lineage holds another certificate than the store.

    A bundle's lineage is `announced` (certbot's RENEWED_LINEAGE) if that has the bundle's names,
    else the one of its newest generation. Nothing is stored. Raises Obstacle when a lineage cannot
    be read, UnfitBundle when it must not reach a server.
    """
    return tuple(_renewed(candidates, means, announced))


def store(fresh: Sequence[Generation], means: Means) -> tuple[str, ...]:
    """Keep these generations; the caller holds the lock. What is to be told of it."""
    for each in fresh:
        bundles.save(means.site.site.state, each)
        means.say(told(each))
    return tuple(told(each) for each in fresh)


def told(fresh: Generation) -> str:
    """Where a generation comes from, for the admin."""
    return f"{fresh.ref} is what certbot has renewed in {fresh.lineage}"


def _renewed(
    candidates: Sequence[str], means: Means, announced: Path | None
) -> Iterator[Generation]:
    state, now = means.site.site.state, means.clock()
    for bundle in candidates:
        known = bundles.newest(state, bundle)
        live = Path(known.lineage) if known and known.lineage else None
        if announced and _has_names_of(bundle, announced, means):
            live = announced
        if live is None:
            continue
        try:
            found = lineage.read(live, bundle=bundle, state=state, host=means.here, now=now)
            if known is None or found.leaves != known.leaves:
                refuse_unfit(found, names_to_cover(found, means.site), now)
                yield found
        except Obstacle as e:
            raise _unusable(live, known, e) from e


def _has_names_of(bundle: str, live: Path, means: Means) -> bool:
    found = lineage.read(
        live, bundle=bundle, state=means.site.site.state, host=means.here, now=means.clock()
    )
    return set(found.names) == _listed(bundle, means.site)


def _listed(bundle: str, site: Site) -> set[str]:
    return {name.ascii for each in site.bundle if each.name == bundle for name in each.names}


def _unusable(live: Path, known: Generation | None, error: Obstacle) -> Obstacle:
    instead = f", or certcheck install {known.ref}" if known else ""
    return Obstacle(
        f"certbot's lineage {live} cannot be taken over: {error.message}",
        hint=f"look at what certbot did{instead}",
    )
