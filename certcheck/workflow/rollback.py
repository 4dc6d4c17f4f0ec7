"""`certcheck rollback`: take the last finished installation back, and prove the state before it."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from certcheck.errors import Obstacle, Undone
from certcheck.install.carry_out import planned
from certcheck.install.reversal import reversal
from certcheck.model.action import Expectation
from certcheck.model.run import Row, Run
from certcheck.store import bundles, journal
from certcheck.store.journal import Journal
from certcheck.store.lock import locked
from certcheck.workflow.acting import Deed, confirmed, done
from certcheck.workflow.means import Means
from certcheck.workflow.recover import heal
from certcheck.workflow.serving import refuse_unanswered

_FOREIGN = "what was there before"


def rollback(blank: Run, means: Means, *, bundle: str | None, dry_run: bool) -> Run:
    """The run with its actions and a row that says which generation serves now.

    Raises Obstacle when there is no installation to take back, or its files have been changed
    since; what fails midway is put back, and is an Obstacle, too: the last state is served.
    """
    state = means.site.site.state
    lock = nullcontext() if dry_run else locked(state, command=blank.command, now=blank.started)
    with lock:
        healed = () if dry_run else heal(means)
        book = _last(state, bundle)
        deed = _deed(book, means)
        run = replace(blank, bundle=deed.title)
        if dry_run:
            return replace(
                run, actions=planned(deed.plan, deed.after), rows=_rows(book, deed, state)
            )
        confirmed(deed, means)
        acted = done(run, deed, means, healed)
    if acted.exit_code == Undone.exit_code:
        return replace(acted, exit_code=Obstacle.exit_code)
    return acted if acted.error else replace(acted, rows=_rows(book, deed, state))


def _last(state: Path, bundle: str | None) -> Journal:
    book = journal.last_installed(state, bundle)
    if book is None:
        what = "no finished installation" + ("" if bundle is None else f" of bundle {bundle!r}")
        raise Obstacle(f"{what} is left to take back in {state}", hint="nothing was changed")
    return book


def _deed(book: Journal, means: Means) -> Deed:
    steps = reversal(book, host=means.host)
    now = means.served([each.cell for each in book.opened.after])
    refuse_unanswered(now)
    before = tuple(
        Expectation(cell=row.cell, sha256=frozenset(leaf for leaf, _ in row.served))
        for row in now
        if row.served
    )
    after = book.opened.before
    titles = dict.fromkeys(_titles(book, after, means.site.site.state).values())
    return Deed(plan=steps, before=before, after=after, title=", ".join(titles), undoes=book.id)


def _titles(book: Journal, after: Sequence[Expectation], state: Path) -> dict[str, str]:
    """Each leaf that will be served, with the generation that it belongs to."""
    known: dict[str, str] = {}
    for bundle in {ref.partition("/")[0] for ref in book.opened.bundle.split(", ")}:
        for number in bundles.numbers(state, bundle):
            generation = bundles.load(state, bundle, number)
            known |= dict.fromkeys(generation.leaves, generation.ref)
    leaves = sorted({leaf for each in after for leaf in each.sha256})
    return {leaf: known.get(leaf, _FOREIGN) for leaf in leaves}


def _rows(book: Journal, deed: Deed, state: Path) -> tuple[Row, ...]:
    return tuple(
        {"undone": book.opened.bundle, "serves": title, "sha256": leaf}
        for leaf, title in _titles(book, deed.after, state).items()
    )
