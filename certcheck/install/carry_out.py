"""Doing a plan: each step and its way back is in the journal before it happens."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from certcheck.errors import CertcheckError, Obstacle, ServerError, Stranded
from certcheck.host.door import FileState, Host
from certcheck.install.plan import Plan, Step
from certcheck.install.undo import Clock, Verify, WayBack, close, run_tool, told, undo
from certcheck.model.action import Action, ActionState, Expectation, Proof
from certcheck.store import crash
from certcheck.store.journal import Activation, Intended, Journal, Saved


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a plan: every action, the proof, and the error where it did not hold."""

    actions: tuple[Action, ...]
    proof: Proof | None
    error: CertcheckError | None = None


def planned(plan: Plan, after: Sequence[Expectation]) -> tuple[Action, ...]:
    """The actions that would be done, and the slots that would be kept, for `--dry-run`."""
    steps = [_action(step, "planned") for step in plan.steps]
    return (*steps, _proving(plan, after), *kept(plan))


def kept(plan: Plan) -> tuple[Action, ...]:
    """The slots that stay as they are, since no bundle covers their names."""
    return tuple(
        Action(
            step=0,
            server=slot.server,
            kind="replace_file",
            target=f"{slot.chain} ({slot.label})",
            state="kept",
        )
        for slot in plan.kept
    )


def activations(plan: Plan) -> tuple[Activation, ...]:
    """What makes the servers of this plan use their files, for the journal's head."""
    return tuple(
        Activation(server=step.server, kind=step.kind, argv=step.argv, files=step.files)
        for step in plan.steps
        if step.kind in {"rebuild_map", "reload"}
    )


def carry_out(plan: Plan, journal: Journal, *, host: Host, verify: Verify, clock: Clock) -> Outcome:
    """Do the steps, prove the result, and put everything back when anything fails.

    Never raises for a failing step: the Outcome's error is Undone or Stranded, or the step's own
    where nothing had been changed. Any other interruption (a signal, a bug) is undone, too, and
    then goes on its way, unless it ends in Stranded.
    """
    done: list[Action] = []
    try:
        for step in plan.steps:
            done.append(_action(step, "failed"))
            _do(step, journal, host)
            done[-1] = replace(done[-1], state="done", at=clock())
        done.append(replace(_proving(plan, journal.opened.after), state="failed"))
        proof = _proved(verify(journal.opened.after))
        done[-1] = replace(done[-1], state="done", at=clock())
    except BaseException as e:
        why = e if isinstance(e, CertcheckError) else Obstacle(f"interrupted ({type(e).__name__})")
        back = undo(journal, host=host, verify=verify, clock=clock, why=why)
        if why is not e and not isinstance(back.error, Stranded):
            raise
        return Outcome(
            actions=(*_taken_back(done, back), *back.actions), proof=back.proof, error=back.error
        )
    close(journal, "done")
    return Outcome(actions=(*done, *kept(plan)), proof=proof)


def _taken_back(done: Sequence[Action], back: WayBack) -> list[Action]:
    restored = {a.target for a in back.actions if a.kind == "restore_file" and a.state == "done"}
    return [
        replace(a, state="undone") if a.kind == "replace_file" and a.target in restored else a
        for a in done
    ]


def _proving(plan: Plan, after: Sequence[Expectation]) -> Action:
    ports = {(e.cell.endpoint.port, e.cell.address) for e in after}
    return Action(
        step=len(plan.steps) + 1,
        server=", ".join(dict.fromkeys(step.server for step in plan.steps)),
        kind="verify",
        target=f"{len(ports)} ports by 10 handshakes each, and again 2 s later",
        state="planned",
    )


def _proved(proof: Proof) -> Proof:
    if not proof.holds:
        raise ServerError(told(proof))
    return proof


def _do(step: Step, journal: Journal, host: Host) -> None:
    if step.before is None:
        journal.intend(_intended(step))
        run_tool(step.argv, host)
    else:
        journal.intend(_intended(step), step.before.data)
        host.replace(
            step.before.path, step.data, expecting=step.before.sha256, like=step.like or step.before
        )
    crash.point()
    journal.did(step.number)


def _intended(step: Step) -> Intended:
    return Intended(
        step=step.number,
        server=step.server,
        kind=step.kind,
        target=step.target,
        argv=step.argv,
        saved=None if step.before is None else _saved(step.before, step.data),
    )


def _saved(before: FileState, data: bytes) -> Saved:
    return Saved(
        copy="",
        sha256=before.sha256,
        new_sha256=hashlib.sha256(data).hexdigest(),
        uid=before.uid,
        gid=before.gid,
        mode=before.mode,
        attributes=before.attributes,
    )


def _action(step: Step, state: ActionState) -> Action:
    return Action(
        step=step.number, server=step.server, kind=step.kind, target=step.target, state=state
    )
