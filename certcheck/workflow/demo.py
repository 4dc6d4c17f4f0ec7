"""`certcheck demo`: the whole job, chapter by chapter, on a real mail host."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from certcheck.issue.authority import Authority
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Endpoint, Protocol
from certcheck.model.observation import Observation
from certcheck.model.run import Row, Run
from certcheck.targets import endpoint
from certcheck.workflow.asking import Step
from certcheck.workflow.audit import audit
from certcheck.workflow.fingerprints import fingerprints
from certcheck.workflow.install import install
from certcheck.workflow.issue import issue
from certcheck.workflow.means import Means
from certcheck.workflow.ordering import Wanted

_TITLES: dict[Protocol, str] = {
    "imap": "IMAP (reading mail)",
    "smtp": "SMTP (sending mail)",
    "pop3": "POP3 (fetching mail)",
    "sieve": "ManageSieve (filter rules)",
    "lmtp": "LMTP (delivery)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One part of the story: what it is about, what a person would type, and what came of it."""

    title: str
    text: str
    command: str
    run: Run


# Of each chapter, all but its run.
_BEFORE = partial(
    Chapter,
    title="What mail programs see before the change",
    text="Every port shows a certificate. Its fingerprint is what a mail program shows its owner "
    "when it asks whether to trust the server.",
    command="fingerprints",
)
_ISSUE = partial(
    Chapter,
    title="A new certificate, by ACME",
    text="The private key is made here and stays here. The certificate authority asks for a proof "
    "of each name over HTTP, then signs.",
    command="issue",
)
_PLAN = partial(
    Chapter,
    title="What an installation would do",
    text="Nothing is changed yet. The servers themselves have said which files they use.",
    command="install --dry-run",
)
_INSTALL = partial(
    Chapter,
    title="Installed, and proved on every port",
    text="Each step and its way back went into a journal before it was done. Had one port not "
    "served the new certificate, the old files would be back now.",
    command="install",
)
_AUDIT = partial(
    Chapter,
    title="Is every port sound now?",
    text="Two engines have looked: certcheck's own handshakes, and sslyze. The authority of this "
    "demo is a private one, which no mail program knows.",
    command="audit",
)
_AFTER = partial(
    Chapter,
    title="What customers will be asked to accept",
    text="A mail program that does not trust the authority asks its owner, once for IMAP and once "
    "for SMTP. The owner compares what it shows with the new fingerprint.",
    command="fingerprints",
)


def demo(
    blank: Run,
    means: Means,
    endpoints: Sequence[Endpoint],
    wanted: Sequence[Wanted],
    *,
    authority: Authority,
) -> Iterator[Chapter]:
    """The chapters, each yielded when it is done; the last one compares before and after.

    Raises what the commands raise; stops after an order that was refused, and after an installation
    that was undone.
    """
    before = fingerprints(_of(blank, "fingerprints", means), endpoints, means.asking, seen=_unheard)
    yield _BEFORE(run=before)
    ordered = issue(_of(blank, "issue", means), wanted, means, authority=authority, dry_run=False)
    yield _ISSUE(run=ordered)
    if ordered.exit_code:
        return
    planned = install(_of(blank, "install", means), means, ref=None, only=(), dry_run=True)
    yield _PLAN(run=planned)
    installed = install(_of(blank, "install", means), means, ref=None, only=(), dry_run=False)
    yield _INSTALL(run=installed)
    if installed.exit_code:
        return
    judged = audit(
        _of(blank, "audit", means),
        endpoints,
        means.asking,
        depth="standard",
        fail_on="error",
        seen=_unheard,
    )
    yield _AUDIT(run=judged)
    after = fingerprints(_of(blank, "fingerprints", means), endpoints, means.asking, seen=_unheard)
    rows = comparison(before.observations, after.observations)
    yield _AFTER(run=replace(after, command="demo", rows=rows, observations=()))


def _of(blank: Run, command: str, means: Means) -> Run:
    # Each command has its own beginning: a certificate is not valid before it was issued.
    return replace(blank, command=command, started=means.clock())


def whole(chapters: Sequence[Chapter]) -> Run:
    """The story as one run: the judged state after it, what was done, and old beside new."""
    runs = [chapter.run for chapter in chapters]
    judged = next((run for run in runs if run.command == "audit"), runs[-1])
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


def _unheard(_: Step) -> None:
    """The demo tells of chapters, not of single ports."""


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
            "ports": tuple(ports),
            "old_sha256": was,
            "old_sha1": certificates[was].sha1,
            "new_sha256": new,
            "new_sha1": certificates[new].sha1,
        }
        for (title, was, new), ports in rows.items()
    )
