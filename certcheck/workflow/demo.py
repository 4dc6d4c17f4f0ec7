"""`certcheck demo` on one mail host: a new certificate, chapter by chapter, while it is running."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from certcheck.issue.authority import Authority
from certcheck.model.endpoint import Endpoint
from certcheck.model.run import Run
from certcheck.workflow.audit import audit
from certcheck.workflow.chapter import Chapter, begun, comparison, foretold, unheard, wished
from certcheck.workflow.fingerprints import fingerprints
from certcheck.workflow.install import install
from certcheck.workflow.issue import issue
from certcheck.workflow.means import Means
from certcheck.workflow.ordering import Wanted

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
_FORETOLD = partial(
    Chapter,
    title="Which mail programs will notice",
    text="Nothing is installed yet. Each program's hello was sent to the server, and its rules are "
    "applied to the new certificate. The authority of this demo is a private one, which no mail "
    "program knows, so nearly all of them will ask.",
    command="audit --clients all --plan-chain chain.pem",
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
    before = fingerprints(
        begun(blank, "fingerprints", means), endpoints, means.asking, seen=unheard
    )
    yield _BEFORE(run=before)
    ordered = issue(begun(blank, "issue", means), wanted, means, authority=authority, dry_run=False)
    yield _ISSUE(run=ordered)
    if ordered.exit_code:
        return
    wish = wished(means, ordered, before)
    yield _FORETOLD(run=foretold(blank, means, endpoints, means.asking, wish))
    planned = install(begun(blank, "install", means), means, ref=None, only=(), dry_run=True)
    yield _PLAN(run=planned)
    installed = install(begun(blank, "install", means), means, ref=None, only=(), dry_run=False)
    yield _INSTALL(run=installed)
    if installed.exit_code:
        return
    judged = audit(
        begun(blank, "audit", means),
        endpoints,
        means.asking,
        depth="standard",
        fail_on="error",
        seen=unheard,
    )
    yield _AUDIT(run=judged)
    after = fingerprints(begun(blank, "fingerprints", means), endpoints, means.asking, seen=unheard)
    rows = comparison(before.observations, after.observations)
    yield _AFTER(run=replace(after, command="demo", rows=rows, observations=()))
