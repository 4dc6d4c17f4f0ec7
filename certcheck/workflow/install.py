"""`certcheck install`: put a generation into the servers, prove it, or put everything back."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from certcheck.config import ServerTable, Site
from certcheck.errors import InputError
from certcheck.install.carry_out import planned
from certcheck.install.filling import Installation, fillings, generation_of
from certcheck.install.plan import plan
from certcheck.model.bundle import Generation
from certcheck.model.run import Run
from certcheck.store import bundles, journal
from certcheck.store.lock import locked
from certcheck.workflow.acting import Deed, confirmed, done
from certcheck.workflow.issue import refuse_unfit
from certcheck.workflow.means import Means
from certcheck.workflow.recover import heal
from certcheck.workflow.serving import cells, expectations


def install(
    blank: Run, means: Means, *, ref: str | None, only: Sequence[str], dry_run: bool
) -> Run:
    """The run with its actions; exit 4 where everything was put back, 5 where that failed.

    Raises, with nothing changed, what configuration, store, bundle and servers raise.
    """
    bundle, number = (None, None) if ref is None else bundles.reference(ref)
    tables = _tables(means.site, only, bundle)
    state = means.site.site.state
    lock = nullcontext() if dry_run else locked(state, command=blank.command, now=blank.started)
    with lock:
        healed = () if dry_run else heal(means)
        prepared = _prepared(tables, means, number, blank.started, alone=ref is not None)
        run = replace(blank, bundle=prepared.title)
        if _in_place(prepared):
            note = f"every port serves {prepared.title} already: nothing to do"
            return replace(run, actions=healed, rows=({"note": note},))
        if dry_run:
            notes = (*_unfinished(state), *prepared.plan.notes)
            actions = planned(prepared.plan, prepared.after)
            return replace(run, rows=tuple({"note": note} for note in notes), actions=actions)
        confirmed(prepared.plan, means)
        return done(run, prepared, means, healed)


def _prepared(
    tables: Sequence[ServerTable],
    means: Means,
    number: int | None,
    now: datetime,
    *,
    alone: bool,
) -> Deed:
    state = means.site.site.state
    generations = {t.bundle: bundles.load(state, t.bundle, number) for t in tables}
    installations = [_installation(table, means, generations[table.bundle]) for table in tables]
    further = () if alone else _further(means.site, generations, installations)
    everything = (*generations.values(), *further)
    for generation in everything:
        refuse_unfit(generation, _names(generation, means.site), now)
    filled = fillings(installations, others=everything, host=means.host)
    steps = plan(installations, filled, host=means.host)
    places = cells(means.site, tables, installations, means.asking)
    seen = means.served([place.cell for place in places])
    before, after = expectations(places, seen, filled)
    title = ", ".join(generation.ref for generation in everything)
    return Deed(plan=steps, before=before, after=after, title=title)


def _installation(table: ServerTable, means: Means, generation: Generation) -> Installation:
    server = means.server_of(table)
    return Installation(server=server, current=server.current(), generation=generation)


def _further(
    site: Site, known: Mapping[str, Generation], installations: Sequence[Installation]
) -> tuple[Generation, ...]:
    """The newest generations of other bundles that a name with a slot of its own would get."""
    state = site.site.state
    others = {b.name for b in site.bundle} - known.keys()
    held = sorted(name for name in others if bundles.next_number(state, name) > 1)
    slots = [(slot, each) for each in installations for slot in each.current.slots]
    return tuple(
        generation
        for generation in (bundles.load(state, name) for name in held)
        if any(generation_of(slot, each, (generation,)) is generation for slot, each in slots)
    )


def _tables(site: Site, only: Sequence[str], bundle: str | None) -> tuple[ServerTable, ...]:
    unknown = [name for name in only if name not in {s.name for s in site.server}]
    if unknown:
        known = ", ".join(s.name for s in site.server) or "none is configured"
        raise InputError(f"no [[server]] is called {unknown[0]!r}", hint=f"known: {known}")
    chosen = (s for s in site.server if not only or s.name in only)
    tables = tuple(s for s in chosen if bundle in {None, s.bundle})
    if not tables:
        what = "no [[server]] to install into" if bundle is None else f"no [[server]] has {bundle}"
        raise InputError(what, hint="describe it in certcheck.toml, with its bundle")
    return tables


def _unfinished(state: Path) -> Iterator[str]:
    for book in journal.unfinished(state):
        yield f"the killed run {book.id} would be finished or put back before anything else"


def _names(generation: Generation, site: Site) -> tuple[str, ...]:
    """Every name that the bundle must cover: its own, and those of the endpoints that use it."""
    listed = [n.ascii for b in site.bundle if b.name == generation.bundle for n in b.names]
    used = [e.url.host.ascii for e in site.endpoint if e.bundle == generation.bundle]
    return tuple(dict.fromkeys((*(listed or generation.names), *used)))


def _in_place(prepared: Deed) -> bool:
    writes = any(step.kind == "replace_file" for step in prepared.plan.steps)
    return not writes and prepared.before == prepared.after
