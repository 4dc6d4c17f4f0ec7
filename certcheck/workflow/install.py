"""`certcheck install`: put a generation into the servers, prove it, or put everything back."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from certcheck.install.carry_out import planned
from certcheck.install.plan import plan
from certcheck.model.run import Row, Run
from certcheck.store import bundles, journal
from certcheck.store.lock import locked, refuse_newer
from certcheck.workflow.acting import Deed, confirmed, done
from certcheck.workflow.choice import Choice, Wish, chosen, servers
from certcheck.workflow.dane import heeded
from certcheck.workflow.means import Means
from certcheck.workflow.recover import heal
from certcheck.workflow.renewal import renewed, store, told
from certcheck.workflow.serving import Served, cells, expectations


def install(  # noqa: PLR0913 - as many as the command has options
    blank: Run,
    means: Means,
    *,
    ref: str | None,
    only: Sequence[str],
    dry_run: bool,
    announced: Path | None = None,
    tlsa_later: str | None = None,
) -> Run:
    """The run with its actions; exit 4 where everything was put back, 5 where that failed.

    What certbot has renewed is stored first; `announced` is the lineage that it says it renewed.
    `tlsa_later` is the reason why TLSA records need not fit yet. Raises, with nothing changed,
    what configuration, store, bundle, servers and TLSA records raise.
    """
    bundle, number = (None, None) if ref is None else bundles.reference(ref)
    wish = Wish(bundle=bundle, number=number, only=tuple(only))
    tables = servers(means.site, wish)
    state = means.site.site.state
    refuse_newer(state)
    lock = nullcontext() if dry_run else locked(state, command=blank.command, now=blank.started)
    with lock:
        healed = () if dry_run else heal(means)
        followed = () if number else [b.name for b in means.site.bundle if bundle in {None, b.name}]
        fresh = renewed(followed, means, announced=announced)
        news = tuple(told(each) for each in fresh) if dry_run else store(fresh, means)
        choice = chosen(tables, wish, means, fresh, blank.started)
        places = cells(means.site, tables, choice.installations, means.asking)
        deed = _deed(choice, places, means)
        run = replace(blank, bundle=deed.title)
        if _in_place(deed):
            note = f"every port serves {deed.title} already: nothing to do"
            return replace(run, actions=healed, rows=_notes(*news, note))
        tlsa = heeded(places, choice, means, later=tlsa_later)
        if dry_run:
            notes = _notes(*_unfinished(state), *news, *deed.plan.notes, *tlsa)
            return replace(run, rows=notes, actions=planned(deed.plan, deed.after))
        deed = replace(deed, notes=tlsa)
        confirmed(deed, means)
        return done(replace(run, rows=_notes(*news, *tlsa)), deed, means, healed)


def _deed(choice: Choice, places: Sequence[Served], means: Means) -> Deed:
    steps = plan(choice.installations, choice.filled, host=means.host)
    seen = means.served([place.cell for place in places])
    before, after = expectations(places, seen, choice.filled)
    return Deed(plan=steps, before=before, after=after, title=choice.title)


def _notes(*notes: str) -> tuple[Row, ...]:
    return tuple({"note": note} for note in notes)


def _unfinished(state: Path) -> Iterator[str]:
    for book in journal.unfinished(state):
        yield f"the killed run {book.id} would be finished or put back before anything else"


def _in_place(deed: Deed) -> bool:
    writes = any(step.kind == "replace_file" for step in deed.plan.steps)
    return not writes and deed.before == deed.after
