"""From the journal of a finished installation: the steps that bring the old files back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from certcheck.errors import Obstacle
from certcheck.host.door import Host
from certcheck.install.files import refuse_barred
from certcheck.install.plan import Plan, Step
from certcheck.store.journal import Intended, Journal, Saved


def reversal(journal: Journal, *, host: Host) -> Plan:
    """The plan that undoes a closed journal: every replaced file, then what each server needs.

    Raises Obstacle where another program has changed one of the files since. Writes nothing.
    """
    files = [_restoring(s, s.saved, journal, host) for s in reversed(journal.steps) if s.saved]
    steps = (*files, *_activating(journal))
    return Plan(
        steps=tuple(replace(step, number=n) for n, step in enumerate(steps, 1)), kept=(), notes=()
    )


def _restoring(step: Intended, saved: Saved, journal: Journal, host: Host) -> Step:
    now = host.read(Path(step.target))
    if now.sha256 != saved.new_sha256:
        raise Obstacle(
            f"{now.path} is not what {journal.id} put there: another program has changed it since",
            hint="install the generation that you want, such as certcheck install BUNDLE/NUMBER",
        )
    refuse_barred(now)
    like = replace(now, uid=saved.uid, gid=saved.gid, mode=saved.mode, attributes=saved.attributes)
    return Step(
        number=0,
        server=step.server,
        kind="replace_file",
        target=step.target,
        data=journal.saved_bytes(saved),
        before=now,
        like=like,
    )


def _activating(journal: Journal) -> Iterator[Step]:
    for each in journal.opened.activations:
        yield Step(
            number=0,
            server=each.server,
            kind=each.kind,
            target=" ".join(each.argv),
            argv=each.argv,
            files=each.files,
        )
