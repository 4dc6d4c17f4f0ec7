"""Which servers an installation is about, and which generation each of them gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from certcheck.config import ServerTable, Site
from certcheck.errors import InputError
from certcheck.install.filling import Fillings, Installation, fillings, generation_of
from certcheck.model.bundle import Generation
from certcheck.store import bundles
from certcheck.workflow.keeping import refuse_unfit
from certcheck.workflow.means import Means
from certcheck.workflow.serving import names_to_cover


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The servers with their installations, all generations, and what each slot shall hold."""

    tables: tuple[ServerTable, ...]
    installations: tuple[Installation, ...]
    generations: tuple[Generation, ...]
    filled: Fillings

    @property
    def title(self) -> str:
        """The generations, as a run shows them."""
        return ", ".join(generation.ref for generation in self.generations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for: a bundle and generation, or all of them; some servers, or all."""

    bundle: str | None
    number: int | None
    only: tuple[str, ...]


def servers(site: Site, wish: Wish) -> tuple[ServerTable, ...]:
    """The servers that are meant; raises InputError for unknown ones, or when there is none."""
    unknown = [name for name in wish.only if name not in {s.name for s in site.server}]
    if unknown:
        known = ", ".join(s.name for s in site.server) or "none is configured"
        raise InputError(f"no [[server]] is called {unknown[0]!r}", hint=f"known: {known}")
    meant = (s for s in site.server if not wish.only or s.name in wish.only)
    tables = tuple(s for s in meant if wish.bundle in {None, s.bundle})
    if not tables:
        which = f"no [[server]] has {wish.bundle}"
        what = "no [[server]] to install into" if wish.bundle is None else which
        raise InputError(what, hint="describe it in certcheck.toml, with its bundle")
    return tables


def chosen(
    tables: tuple[ServerTable, ...],
    wish: Wish,
    means: Means,
    fresh: Sequence[Generation],
    now: datetime,
) -> Choice:
    """What goes where; `fresh` are generations that a rehearsal has not stored.

    Raises what the store and the servers raise, and UnfitBundle.
    """
    state = means.site.site.state
    wanted = {t.bundle: _of(t.bundle, fresh) or _load(state, t.bundle, wish) for t in tables}
    installations = tuple(_installation(table, means, wanted[table.bundle]) for table in tables)
    further = () if wish.bundle else _further(means.site, wanted, installations, fresh)
    generations = (*wanted.values(), *further)
    for generation in generations:
        refuse_unfit(generation, names_to_cover(generation, means.site), now)
    return Choice(
        tables=tables,
        installations=installations,
        generations=generations,
        filled=fillings(installations, others=generations, host=means.host),
    )


def _load(state: Path, bundle: str, wish: Wish) -> Generation:
    return bundles.load(state, bundle, wish.number)


def _installation(table: ServerTable, means: Means, generation: Generation) -> Installation:
    server = means.server_of(table)
    return Installation(server=server, current=server.current(), generation=generation)


def _of(bundle: str, fresh: Sequence[Generation]) -> Generation | None:
    return next((each for each in fresh if each.bundle == bundle), None)


def _further(
    site: Site,
    known: Mapping[str, Generation],
    installations: Sequence[Installation],
    fresh: Sequence[Generation],
) -> tuple[Generation, ...]:
    """The newest generations of other bundles that a name with a slot of its own would get."""
    others = {b.name for b in site.bundle} - known.keys()
    found = [_of(name, fresh) or bundles.newest(site.site.state, name) for name in sorted(others)]
    slots = [(slot, each) for each in installations for slot in each.current.slots]
    return tuple(
        generation
        for generation in found
        if generation
        and any(generation_of(slot, each, (generation,)) is generation for slot, each in slots)
    )
