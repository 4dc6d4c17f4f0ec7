"""`certcheck install`: put a generation into the servers, prove it, or put everything back."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from certcheck.config import ServerTable, Site
from certcheck.errors import InputError, Obstacle
from certcheck.install.carry_out import activations, carry_out, planned
from certcheck.install.plan import Installation, Plan, generation_of, plan
from certcheck.model.action import Action, Expectation
from certcheck.model.bundle import Generation
from certcheck.model.run import Row, Run, ended
from certcheck.probe.limits import Gate
from certcheck.probe.proof import served
from certcheck.store import bundles, journal
from certcheck.store.lock import locked
from certcheck.workflow.dane import heeded
from certcheck.workflow.issue import refuse_unfit
from certcheck.workflow.means import Means
from certcheck.workflow.recover import heal
from certcheck.workflow.serving import Served, cells, expectations


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A plan with the two sides that its journal needs."""

    plan: Plan
    before: tuple[Expectation, ...]
    after: tuple[Expectation, ...]
    places: tuple[Served, ...]
    generations: tuple[Generation, ...]

    @property
    def title(self) -> str:
        """The generations, as a run shows them."""
        return ", ".join(generation.ref for generation in self.generations)


def install(  # noqa: PLR0913 - as many as the command has options
    blank: Run,
    means: Means,
    *,
    ref: str | None,
    only: Sequence[str],
    dry_run: bool,
    tlsa_later: str | None = None,
) -> Run:
    """The run with its actions; exit 4 where everything was put back, 5 where that failed.

    `tlsa_later` is the reason why TLSA records need not fit yet. Raises, with nothing changed,
    what configuration, store, bundle, servers and TLSA records raise.
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
        tlsa = heeded(prepared.places, prepared.generations, means, later=tlsa_later)
        if dry_run:
            notes = (*_unfinished(state), *prepared.plan.notes, *tlsa)
            actions = planned(prepared.plan, prepared.after)
            return replace(run, rows=_rows(notes), actions=actions)
        _confirmed(prepared.plan, tlsa, means)
        return _done(replace(run, rows=_rows(tlsa)), prepared, means, healed, tlsa)


def _rows(notes: Sequence[str]) -> tuple[Row, ...]:
    return tuple({"note": note} for note in notes)


def _done(
    run: Run,
    prepared: _Prepared,
    means: Means,
    healed: tuple[Action, ...],
    notes: tuple[str, ...],
) -> Run:
    head = journal.Opened(
        command="install",
        bundle=prepared.title,
        before=prepared.before,
        after=prepared.after,
        size=len(prepared.plan.steps),
        activations=activations(prepared.plan),
        notes=notes,
    )
    book = journal.begin(means.site.site.state, head, now=means.clock())
    outcome = carry_out(
        prepared.plan, book, host=means.host, verify=means.verify, clock=means.clock
    )
    return replace(
        ended(run, outcome.error),
        actions=(*healed, *outcome.actions),
        connections=outcome.proof.connections if outcome.proof else 0,
    )


def _prepared(
    tables: Sequence[ServerTable],
    means: Means,
    number: int | None,
    now: datetime,
    *,
    alone: bool,
) -> _Prepared:
    state = means.site.site.state
    generations = {t.bundle: bundles.load(state, t.bundle, number) for t in tables}
    installations = [_installation(table, means, generations[table.bundle]) for table in tables]
    further = () if alone else _further(means.site, generations, installations)
    everything = (*generations.values(), *further)
    for generation in everything:
        refuse_unfit(generation, _names(generation, means.site), now)
    steps = plan(installations, others=everything, host=means.host)
    means.say("looking at what is served now")
    places = cells(means.site, tables, installations, means.asking)
    limits = means.asking.limits
    seen = asyncio.run(served([p.cell for p in places], gate=Gate(limits), limits=limits))
    before, after = expectations(places, seen, everything)
    return _Prepared(plan=steps, before=before, after=after, places=places, generations=everything)


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


def _confirmed(plan: Plan, notes: Sequence[str], means: Means) -> None:
    if means.confirm is None:
        return
    for note in (*plan.notes, *notes):
        means.say(note)
    for step in plan.steps:
        means.say(f"{step.number}. {step.server}: {step.kind} {step.target}")
    if not means.confirm("Do these steps now?"):
        raise Obstacle("not confirmed, nothing was changed", hint="--yes does not ask")


def _in_place(prepared: _Prepared) -> bool:
    writes = any(step.kind == "replace_file" for step in prepared.plan.steps)
    return not writes and prepared.before == prepared.after
