"""What a demo is made of: chapters, each a command with its result; at the end old beside new."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Protocol
from certcheck.model.observation import Observation
from certcheck.model.run import Row, Run
from certcheck.targets import endpoint
from certcheck.workflow.asking import Step
from certcheck.workflow.means import Means

_TITLES: dict[Protocol, str] = {
    "imap": "IMAP (reading mail)",
    "smtp": "SMTP (sending mail)",
    "pop3": "POP3 (fetching mail)",
    "sieve": "ManageSieve (filter rules)",
    "lmtp": "LMTP (delivery)",
}
# Of several chapters, the one whose judgement is that of the whole.
_JUDGED = ("verify", "audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One part of the story: what it is about, what a person would type, and what came of it."""

    title: str
    text: str
    command: str
    run: Run


def begun(blank: Run, command: str, means: Means) -> Run:
    """The blank run of one command: a certificate is not valid before it was issued."""
    return replace(blank, command=command, started=means.clock())


def whole(chapters: Sequence[Chapter]) -> Run:
    """The story as one run: the judged state after it, what was done, and old beside new."""
    runs = [chapter.run for chapter in chapters]
    judged = next((run for run in reversed(runs) if run.command in _JUDGED), runs[-1])
    return replace(
        judged,
        command="demo",
        started=runs[0].started,
        bundle=next((run.bundle for run in runs if run.command == "issue"), None),
        actions=next((run.actions for run in reversed(runs) if run.command == "install"), ()),
        rows=runs[-1].rows,
        connections=sum(run.connections for run in runs),
        error=next((run.error for run in runs if run.error), None),
        exit_code=3 if any(run.exit_code for run in runs) else 0,
    )


def comparison(before: Sequence[Observation], after: Sequence[Observation]) -> tuple[Row, ...]:
    """One row per protocol and certificate: its ports, and the fingerprints old and new."""
    old = {o.endpoint: o for o in before}
    rows: dict[tuple[str, str, str], list[str]] = {}
    certificates: dict[str, Certificate] = {}
    for now in after:
        then = old[now.endpoint]
        if not (now.deployments and then.deployments):
            continue
        was, new = then.deployments[0].leaf, now.deployments[0].leaf
        certificates |= {was.sha256: was, new.sha256: new}
        service = endpoint(now.endpoint)
        key = (_TITLES[service.protocol], was.sha256, new.sha256)
        rows.setdefault(key, []).append(service.label)
    return tuple(
        {
            "service": title,
            "ports": tuple(dict.fromkeys(ports)),
            "old_sha256": was,
            "old_sha1": certificates[was].sha1,
            "new_sha256": new,
            "new_sha1": certificates[new].sha1,
        }
        for (title, was, new), ports in sorted(rows.items(), key=_order)
    )


def _order(row: tuple[tuple[str, str, str], list[str]]) -> int:
    return list(_TITLES.values()).index(row[0][0])


def unheard(_: Step) -> None:
    """A demo tells of chapters, not of single ports."""
