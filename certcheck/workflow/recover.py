"""`certcheck recover`: what a killed run left is finished or put back, and proved."""

from dataclasses import replace

from certcheck.errors import Obstacle, Stranded
from certcheck.install.undo import close, undo
from certcheck.model.action import Action
from certcheck.model.run import Run, ended
from certcheck.store import journal
from certcheck.store.journal import Journal
from certcheck.store.lock import locked
from certcheck.workflow.finishing import AuthorityAt, End, order_ends, tidy
from certcheck.workflow.means import Means


def recover(blank: Run, means: Means, authority_at: AuthorityAt) -> Run:
    """The run with what was finished, put back or dropped, or that nothing was to be done.

    Its error is Stranded when neither state of a mail host can be proved, and the authority's word
    where an order cannot be finished now.
    """
    state = means.site.site.state
    with locked(state, command=blank.command, now=blank.started):
        ends = [*_ends(means), *order_ends(means, authority_at)]
    if not ends:
        return replace(blank, rows=({"result": "no run was killed: nothing to recover"},))
    run = replace(
        blank,
        actions=tuple(action for end in ends for action in end.actions),
        rows=tuple(
            {"journal": end.journal, "bundle": end.bundle, "result": end.result} for end in ends
        ),
    )
    return ended(run, next((end.error for end in ends if end.error), None))


def heal(means: Means) -> tuple[Action, ...]:
    """Finish or put back what a killed run left; the caller holds the lock. Raises Stranded.

    Of an order only the challenges are taken down: `issue` goes on with it.
    """
    ends = _ends(means)
    if ends and ends[-1].error:
        raise ends[-1].error
    tidy(means)
    return tuple(action for end in ends for action in end.actions)


def _ends(means: Means) -> list[End]:
    ends: list[End] = []
    for book in journal.unfinished(means.site.site.state):
        ends.append(_end(book, means))
        if ends[-1].error:
            break  # an older journal is not touched before the younger one is right
    return ends


def _end(book: Journal, means: Means) -> End:
    bundle = book.opened.bundle
    if book.complete and means.verify(book.opened.after).holds:
        means.say(f"the killed run {book.id} had done everything: {bundle} is served")
        close(book, "done")
        return End(journal=book.id, bundle=bundle, result="finished")
    means.say(f"putting back what the killed run {book.id} changed")
    why = Obstacle(f"the run {book.id} did not end")
    back = undo(book, host=means.host, verify=means.verify, clock=means.clock, why=why)
    stranded = back.error if isinstance(back.error, Stranded) else None
    return End(
        journal=book.id,
        bundle=bundle,
        result="stranded" if stranded else "undone",
        actions=back.actions,
        error=stranded,
    )
