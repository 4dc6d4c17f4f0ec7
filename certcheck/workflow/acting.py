"""What every command does that changes mail servers: ask, open a journal, act, and tell."""

from dataclasses import dataclass, replace

from certcheck.errors import Obstacle
from certcheck.install.carry_out import activations, carry_out
from certcheck.install.plan import Plan, unchanged
from certcheck.model.action import Action, Expectation
from certcheck.model.run import Run, ended
from certcheck.store import journal
from certcheck.workflow.means import Means


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """A plan with the two sides that its journal needs.

    `undoes` is the journal that it takes back, `notes` what was known and overruled beforehand.
    """

    plan: Plan
    before: tuple[Expectation, ...]
    after: tuple[Expectation, ...]
    title: str
    undoes: str = ""
    notes: tuple[str, ...] = ()


def confirmed(deed: Deed, means: Means) -> None:
    """Show the steps and ask, where somebody can answer; raises Obstacle on a no."""
    if means.confirm is None:
        return
    for note in (*deed.plan.notes, *deed.notes):
        means.say(note)
    for step in deed.plan.steps:
        means.say(f"{step.number}. {step.server}: {step.kind} {step.target}")
    if not means.confirm("Do these steps now?"):
        raise Obstacle("not confirmed, nothing was changed", hint="--yes does not ask")


def done(run: Run, deed: Deed, means: Means, healed: tuple[Action, ...]) -> Run:
    """The run after its steps: proved, or everything put back; the caller holds the lock."""
    unchanged(deed.plan, means.host)
    head = journal.Opened(
        command=run.command,
        bundle=deed.title,
        before=deed.before,
        after=deed.after,
        size=len(deed.plan.steps),
        activations=activations(deed.plan),
        undoes=deed.undoes,
        notes=deed.notes,
    )
    book = journal.begin(means.site.site.state, head, now=means.clock())
    outcome = carry_out(deed.plan, book, host=means.host, verify=means.verify, clock=means.clock)
    return replace(
        ended(run, outcome.error),
        actions=(*healed, *outcome.actions),
        connections=outcome.proof.connections if outcome.proof else 0,
    )
