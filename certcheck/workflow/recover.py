"""`certcheck recover`: what a killed run left half done is put back, and proved."""

from dataclasses import replace

from certcheck.errors import Obstacle, Stranded
from certcheck.install.undo import undo
from certcheck.model.action import Action
from certcheck.model.run import Row, Run
from certcheck.store import journal
from certcheck.store.lock import locked
from certcheck.workflow.means import Means


def recover(blank: Run, means: Means) -> Run:
    """The run with what was put back, or without any action when no run was killed.

    Raises Stranded when the old state cannot be proved.
    """
    state = means.site.site.state
    with locked(state, command=blank.command, now=blank.started):
        left = journal.unfinished(state)
        rows: tuple[Row, ...] = tuple({"journal": j.id, "result": "undone"} for j in left)
        return replace(blank, actions=heal(means), rows=rows)


def heal(means: Means) -> tuple[Action, ...]:
    """Put back what open journals changed; the caller holds the lock. Raises Stranded."""
    actions: list[Action] = []
    for book in journal.unfinished(means.site.site.state):
        means.say(f"putting back what the killed run {book.id} changed")
        why = Obstacle(f"the run {book.id} was killed")
        back = undo(book, host=means.host, verify=means.verify, clock=means.clock, why=why)
        if isinstance(back.error, Stranded):
            raise back.error
        actions += back.actions
    return tuple(actions)
