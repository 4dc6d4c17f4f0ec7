"""One run of one command: everything that it asked, saw, judged and did."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from certcheck.errors import CertcheckError
from certcheck.model.action import Action
from certcheck.model.change import Change
from certcheck.model.finding import Finding
from certcheck.model.mailbox import Mailbox
from certcheck.model.observation import Observation
from certcheck.model.prediction import Prediction
from certcheck.model.record import Records

Scalar = str | int | float | bool | None
Row = Mapping[str, Scalar | tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a run ended early: the error that was shown, and what to do next."""

    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The result of a command, the one thing that every report reads."""

    id: str
    command: str
    version: str
    started: datetime
    finished: datetime
    exit_code: int = 0
    error: Failure | None = None
    inputs: Mapping[str, Scalar | tuple[str, ...]] = field(default_factory=dict)
    bundle: str | None = None
    rows: tuple[Row, ...] = ()
    observations: tuple[Observation, ...] = ()
    findings: tuple[Finding, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    changes: tuple[Change, ...] = ()
    actions: tuple[Action, ...] = ()
    mailboxes: tuple[Mailbox, ...] = ()
    dns: Mapping[str, Mapping[str, Records]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    connections: int = 0


def ended(run: Run, error: CertcheckError | None) -> Run:
    """The run as it ends with this error, or unchanged without one."""
    if error is None:
        return run
    failure = Failure(message=error.message, hint=error.hint)
    return replace(run, error=failure, exit_code=error.exit_code)


# Exit codes from the worst to the best: when several apply, the first of these wins.
_WORST_FIRST = (5, 4, 2, 1, 3, 0)


def worst(*codes: int) -> int:
    """The exit code that stands for several; no code at all is 0."""
    return min(codes, key=_WORST_FIRST.index, default=0)
