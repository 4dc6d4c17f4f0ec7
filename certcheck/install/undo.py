"""The way back: the very files that were there, in place again, and proved by handshakes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from certcheck.errors import CertcheckError, Obstacle, ServerError, Stranded, Undone
from certcheck.host.door import FileState, Host
from certcheck.model.action import Action, ActionKind, ActionState, Expectation, Proof
from certcheck.store.journal import Intended, Journal, Saved

Verify = Callable[[Sequence[Expectation]], Proof]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """What was put back, the proof of it, and the error that ends the run."""

    actions: tuple[Action, ...]
    proof: Proof | None
    error: CertcheckError


@dataclass(slots=True)
class _Log:
    """The actions of a way back while it is walked, and what stands in its way."""

    number: int
    clock: Clock
    actions: list[Action] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)

    def add(self, server: str, kind: ActionKind, target: str, state: ActionState) -> None:
        self.number += 1
        self.actions.append(
            Action(
                step=self.number,
                server=server,
                kind=kind,
                target=target,
                state=state,
                at=self.clock(),
            )
        )


def undo(
    journal: Journal, *, host: Host, verify: Verify, clock: Clock, why: CertcheckError
) -> WayBack:
    """Put back what the steps in an open journal changed, prove it, and close the journal.

    The error is `why` itself where nothing had been changed, Undone where the old state is
    proved, Stranded where it is not: then the journal stays open. Doing it again does no harm.
    """
    log = _Log(number=max((step.step for step in journal.steps), default=0), clock=clock)
    touched = {step.server for step in journal.steps if step.kind in {"rebuild_map", "reload"}}
    for step in reversed(journal.steps):
        if step.saved is not None and _restored(step, step.saved, journal, host, log):
            touched.add(step.server)
    if not touched:
        journal.close("undone")
        return WayBack(actions=(), proof=None, error=why)
    for activation in journal.opened.activations:
        if activation.server in touched:
            state = _activated(activation.argv, host)
            log.add(activation.server, activation.kind, " ".join(activation.argv), state)
    proof = verify(journal.opened.before)
    target = "the old certificate on every port, by handshakes"
    log.add(", ".join(sorted(touched)), "verify", target, "done" if proof.holds else "failed")
    return WayBack(
        actions=tuple(log.actions), proof=proof, error=_verdict(journal, proof, log.obstacles, why)
    )


def run(argv: Sequence[str], host: Host) -> None:
    """Run a program of a mail server; raises ServerError with its own words when it fails."""
    done = host.run(argv, timeout=60.0)
    if done.code != 0:
        raise ServerError(f"{' '.join(argv)} failed: {done.complaint}")


def _restored(step: Intended, saved: Saved, journal: Journal, host: Host, log: _Log) -> bool:
    """Whether the file had been replaced, so that its server must look at it again."""
    path = Path(step.target)
    try:
        now = host.read(path).sha256
        if now == saved.sha256:
            return False
        _refuse_foreign(path, now, saved)
        data = journal.saved_bytes(saved)
        host.replace(path, data, expecting=now, like=_state(path, data, saved))
    except Obstacle as e:
        copy = journal.folder / saved.copy
        log.obstacles.append(f"{e.message}; what was there is kept in {copy}")
        log.add(step.server, "restore_file", step.target, "failed")
        return True
    log.add(step.server, "restore_file", step.target, "done")
    return True


def _refuse_foreign(path: Path, now: str, saved: Saved) -> None:
    if now != saved.new_sha256:
        raise Obstacle(f"{path} has been changed by another program meanwhile")


def _state(path: Path, data: bytes, saved: Saved) -> FileState:
    return FileState(
        path=path,
        data=data,
        sha256=saved.sha256,
        uid=saved.uid,
        gid=saved.gid,
        mode=saved.mode,
        attributes=saved.attributes,
    )


def _activated(argv: tuple[str, ...], host: Host) -> ActionState:
    # The handshakes decide whether the old certificate is back, not this exit code.
    try:
        run(argv, host)
    except Obstacle:
        return "failed"
    return "done"


def _verdict(
    journal: Journal, proof: Proof, obstacles: Sequence[str], why: CertcheckError
) -> CertcheckError:
    if proof.holds and not obstacles:
        journal.close("undone")
        return Undone(
            f"{why.message}; everything was put back, and the old certificate is served again",
            hint=why.hint or "see the steps above",
        )
    # The journal stays open: `certcheck recover` tries again once the cause is gone.
    wrong = "; ".join((*obstacles, *proof.complaints))
    return Stranded(
        f"{why.message}; and the way back failed: {wrong}",
        hint=f"mend that, then certcheck recover; the old files are in {journal.folder}/files",
    )
