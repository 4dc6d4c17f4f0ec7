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
from certcheck.model.run import Row, Run
from certcheck.store import bundles, journal
from certcheck.store.lock import locked
from certcheck.workflow import lineage
from certcheck.workflow.acting import Deed, confirmed, done
from certcheck.workflow.keeping import refuse_unfit
from certcheck.workflow.means import Means
from certcheck.workflow.recover import heal
from certcheck.workflow.renewal import renewed, store, told
from certcheck.workflow.serving import cells, expectations, names_to_cover


def install(  # noqa: PLR0913 - a command has as many sides as options
    blank: Run,
    means: Means,
    *,
    ref: str | None,
    only: Sequence[str],
    dry_run: bool,
    announced: Path | None = None,
) -> Run:
    """The run with its actions; exit 4 where everything was put back, 5 where that failed.

    What certbot has renewed is stored first; `announced` is the lineage that it says it renewed.
    Raises, with nothing changed, what configuration, store, bundle and servers raise.
    """
    bundle, number = (None, None) if ref is None else bundles.reference(ref)
    tables = _tables(means.site, only, bundle)
    state = means.site.site.state
    lock = nullcontext() if dry_run else locked(state, command=blank.command, now=blank.started)
    with lock:
        healed = () if dry_run else heal(means)
        followed = () if number else [b.name for b in means.site.bundle if bundle in {None, b.name}]
        fresh = renewed(followed, means, announced=announced)
        news = tuple(told(each) for each in fresh) if dry_run else store(fresh, means)
        prepared = _prepared(tables, means, number, blank.started, fresh, alone=ref is not None)
        run = replace(blank, bundle=prepared.title)
        if _in_place(prepared):
            note = f"every port serves {prepared.title} already: nothing to do"
            return replace(run, actions=healed, rows=_notes(*news, note))
        if dry_run:
            notes = _notes(*_unfinished(state), *news, *prepared.plan.notes)
            return replace(run, rows=notes, actions=planned(prepared.plan, prepared.after))
        confirmed(prepared.plan, means)
        return done(run, prepared, means, healed)


def _notes(*notes: str) -> tuple[Row, ...]:
    return tuple({"note": note} for note in notes)


def _prepared(  # noqa: PLR0913 - each is named at the call
    tables: Sequence[ServerTable],
    means: Means,
    number: int | None,
    now: datetime,
    fresh: Sequence[Generation],
    *,
    alone: bool,
) -> Deed:
    state = means.site.site.state
    # In a rehearsal the fresh ones are not in the store.
    generations = {
        t.bundle: _of(t.bundle, fresh) or bundles.load(state, t.bundle, number) for t in tables
    }
    installations = [_installation(table, means, generations[table.bundle]) for table in tables]
    further = () if alone else _further(means.site, generations, installations, fresh)
    everything = (*generations.values(), *further)
    for generation in everything:
        refuse_unfit(generation, names_to_cover(generation, means.site), now)
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


def _of(bundle: str, fresh: Sequence[Generation]) -> Generation | None:
    return next((each for each in fresh if each.bundle == bundle), None)


def _further(
    site: Site,
    known: Mapping[str, Generation],
    installations: Sequence[Installation],
    fresh: Sequence[Generation],
) -> tuple[Generation, ...]:
    """The newest generations of other bundles that a name with a slot of its own would get."""
    state = site.site.state
    others = {b.name for b in site.bundle} - known.keys()
    found = [_of(name, fresh) or lineage.newest(state, name) for name in sorted(others)]
    slots = [(slot, each) for each in installations for slot in each.current.slots]
    return tuple(
        generation
        for generation in found
        if generation
        and any(generation_of(slot, each, (generation,)) is generation for slot, each in slots)
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


def _in_place(prepared: Deed) -> bool:
    writes = any(step.kind == "replace_file" for step in prepared.plan.steps)
    return not writes and prepared.before == prepared.after
