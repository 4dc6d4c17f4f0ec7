"""The way back: the very files that were there, in place again, and proved by handshakes."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import FrameType

from certcheck.errors import CertcheckError, Obstacle, ServerError, Stranded, Undone
from certcheck.host.door import FileState, Host
from certcheck.model.action import Action, ActionKind, ActionState, Expectation, Proof
from certcheck.store import crash
from certcheck.store.journal import Activation, Closing, Intended, Journal, Saved

Verify = Callable[[Sequence[Expectation]], Proof]
Clock = Callable[[], datetime]

_INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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

    Nothing is put back where another program has changed one of the files since: half a way back
    could break a pair that works. The error is `why` itself where nothing had been changed, Undone
    where the old state is proved, Stranded where it is not: then the journal stays open. Signals
    wait until it is done. Doing it again does no harm.
    """
    with _uninterrupted():
        return _walked_back(journal, host, verify, _Log(number=_last(journal), clock=clock), why)


def run_tool(argv: Sequence[str], host: Host) -> None:
    """Run a program of a mail server; raises ServerError with its own words when it fails."""
    done = host.run(argv, timeout=60.0)
    if done.code != 0:
        raise ServerError(f"{' '.join(argv)} failed: {done.complaint}")


def told(proof: Proof) -> str:
    """Why a proof does not hold, in one line: the first complaint, and how many more there are."""
    first, *more = proof.complaints
    return f"{first} (and {len(more)} more like it)" if more else first


def close(journal: Journal, result: Closing) -> None:
    """Close a journal; where the disk refuses, the next run finds the same end by itself."""
    with suppress(Obstacle):
        journal.close(result)


def _walked_back(
    journal: Journal, host: Host, verify: Verify, log: _Log, why: CertcheckError
) -> WayBack:
    replaced = list(_replaced(journal, host, log))
    activations = _activations(journal, {step.target for step, _ in replaced})
    if not (replaced or activations or log.obstacles):
        close(journal, "undone")
        return WayBack(actions=(), proof=None, error=why)
    if not log.obstacles:
        for step, saved in replaced:
            _restore(step, saved, journal, host, log)
        for activation in activations:
            state = _activated(activation.argv, host)
            crash.point()
            log.add(activation.server, activation.kind, " ".join(activation.argv), state)
    proof = verify(journal.opened.before)
    servers = ", ".join(dict.fromkeys(step.server for step in journal.steps))
    target = "the old certificate on every port, by handshakes"
    log.add(servers, "verify", target, "done" if proof.holds else "failed")
    error = _verdict(journal, proof, log.obstacles, why)
    return WayBack(actions=tuple(log.actions), proof=proof, error=error)


def _last(journal: Journal) -> int:
    return max((step.step for step in journal.steps), default=0)


def _replaced(journal: Journal, host: Host, log: _Log) -> Iterator[tuple[Intended, Saved]]:
    """The steps whose new file stands there now, the last one first."""
    for step in reversed(journal.steps):
        if step.saved is None:
            continue
        path = Path(step.target)
        try:
            host.tidy(path)
            now = host.read(path).sha256
        except Obstacle as e:
            _give_up(step, f"{e.message}", journal, log)
            continue
        if now == step.saved.new_sha256:
            yield step, step.saved
        elif now != step.saved.sha256:
            _give_up(step, f"{path} has been changed by another program since", journal, log)


def _give_up(step: Intended, why: str, journal: Journal, log: _Log) -> None:
    copy = journal.folder / (step.saved.copy if step.saved else "")
    log.obstacles.append(f"{why}, so nothing was put back; what was there before is in {copy}")
    log.add(step.server, "restore_file", step.target, "failed")


def _restore(step: Intended, saved: Saved, journal: Journal, host: Host, log: _Log) -> None:
    path = Path(step.target)
    try:
        data = journal.saved_bytes(saved)
        host.replace(path, data, expecting=saved.new_sha256, like=_state(path, data, saved))
    except Obstacle as e:
        log.obstacles.append(e.message)
        log.add(step.server, "restore_file", step.target, "failed")
    else:
        crash.point()
        log.add(step.server, "restore_file", step.target, "done")


def _activations(journal: Journal, touched: set[str]) -> list[Activation]:
    """What makes the servers use the files that were put back, or was begun in any case."""
    begun = {step.argv for step in journal.steps if step.argv}
    return [
        each
        for each in journal.opened.activations
        if each.argv in begun or touched & set(each.files)
    ]


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
        run_tool(argv, host)
    except Obstacle:
        return "failed"
    return "done"


def _verdict(
    journal: Journal, proof: Proof, obstacles: Sequence[str], why: CertcheckError
) -> CertcheckError:
    if proof.holds and not obstacles:
        close(journal, "undone")
        proved = ", and the old certificate is served again" if journal.opened.before else ""
        return Undone(f"{why.message}; everything was put back{proved}", hint=why.hint)
    # The journal stays open: `certcheck recover` tries again once the cause is gone.
    wrong = "; ".join((*obstacles, *([told(proof)] if proof.complaints else [])))
    return Stranded(
        f"{why.message}; and the way back failed: {wrong}",
        hint=f"mend that, then certcheck recover; or set it right by hand and move {journal.folder}"
        " away",
    )


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let the signals that end a run wait; a half-walked way back would be the worst of all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _ignore) for number in _INTERRUPTIONS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(signum: int, frame: FrameType | None) -> None:
    """Do nothing; unlike SIG_IGN this is not inherited by the servers' tools."""
