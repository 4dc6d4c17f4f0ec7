"""`certcheck demo` on two mail hosts: one moves to the other's place, as in a real night."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from certcheck.issue.authority import Authority
from certcheck.model.account import Account
from certcheck.model.endpoint import Endpoint, Hostname
from certcheck.model.run import Run
from certcheck.probe import moments
from certcheck.targets import Redirect
from certcheck.workflow.announcing import announced
from certcheck.workflow.asking import Asking
from certcheck.workflow.chapter import Chapter, begun, comparison, foretold, unheard, wished
from certcheck.workflow.install import install
from certcheck.workflow.issue import issue
from certcheck.workflow.means import Means
from certcheck.workflow.ordering import Wanted
from certcheck.workflow.snapshot import snapshot
from certcheck.workflow.verify import Verification, verify
from certcheck.workflow.watch import Company, Standing, watch

_INTERVAL = 0.2
_UNDER_WAY = 1.0  # seconds of watching before and after the move

_BEFORE = partial(
    Chapter,
    title="What the old host offers, and what is in its mailboxes",
    text="Debian 11: Dovecot 2.3, Postfix 3.5, OpenSSL 1.1.1. Ports, TLS, ways to log in, limits, "
    "certificates, DNS, and by logging in the folders and numbers of messages: all of it goes into "
    "one file, which shows when somebody has edited it.",
    command="snapshot mail.example.test --mailboxes accounts -o before.json",
)
_ISSUE = partial(
    Chapter,
    title="A new certificate, while the name still points at the old host",
    text="The private key is made here and stays here. The certificate authority asks for a TXT "
    "record of each name (dns-01), so neither host has to do anything.",
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
    title="What an installation into the new host would do",
    text="Debian 13: Dovecot 2.4, Postfix 3.10, OpenSSL 3.5. Nothing is changed yet. The servers "
    "themselves have said which files they use.",
    command="install --dry-run",
)
_INSTALL = partial(
    Chapter,
    title="Installed, and proved on every port of the new host",
    text="Each step and its way back went into a journal before it was done.",
    command="install",
)
_AHEAD = partial(
    Chapter,
    title="The new host under the public name, before the address moves",
    text="Held against the snapshot: what is lost would be shown here, while there is time.",
    command="verify --before before.json --bundle mail --connect-to mail.example.test::10.77.0.12",
)
_MOVE = partial(
    Chapter,
    title="The address moves",
    text="The mailboxes are copied, the address goes from the old host to the new one, and the old "
    "servers stop. A watch shook hands with every port five times a second meanwhile.",
    command="watch mail.example.test -o outage.json --interval 0.2",
)
_AFTER = partial(
    Chapter,
    title="Was anything lost?",
    text="Every port serves the announced certificate, every mailbox holds what it held, the old "
    "host serves nobody. What differs is shown, with those who notice it.",
    command="verify --before before.json --bundle mail --mailboxes accounts --retired 10.77.0.11",
)
_ASKED = partial(
    Chapter,
    title="What customers will be asked to accept",
    text="A mail program that does not trust the authority asks its owner, once for IMAP and once "
    "for SMTP. The owner compares what it shows with the new fingerprint.",
    command="fingerprints mail.example.test",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the story plays: two hosts, the address of the service, and who moves it.

    `means` is about the new host; `old` is the old host's own address.
    """

    means: Means
    endpoints: tuple[Endpoint, ...]
    wanted: tuple[Wanted, ...]
    authority: Authority
    accounts: tuple[Account, ...] = field(repr=False)
    service: tuple[str, ...]
    new: tuple[str, ...]
    old: Hostname
    move: Callable[[], None]

    def asking(self, addresses: Sequence[str]) -> Asking:
        """How the public name is asked for at these addresses."""
        hosts = dict.fromkeys(each.host for each in self.endpoints)
        return replace(
            self.means.asking,
            redirects=tuple(
                Redirect(host=host, port=None, address=address, to_port=None)
                for host in hosts
                for address in addresses
            ),
        )


def demo_move(blank: Run, stage: Stage) -> Iterator[Chapter]:
    """The chapters, each yielded when it is done; stops after one that ends badly.

    Raises what the commands raise.
    """
    means, at_service = stage.means, stage.asking(stage.service)
    before = snapshot(
        begun(blank, "snapshot", means),
        stage.endpoints,
        at_service,
        accounts=stage.accounts,
        seen=unheard,
    )
    yield _BEFORE(run=before)
    for chapter in _prepared(blank, stage, before):
        yield chapter
        if chapter.run.exit_code:
            return
    yield _MOVE(run=_watched(begun(blank, "watch", means), stage, at_service))
    after = _verified(blank, stage, before, at_service, accounts=stage.accounts)
    yield _AFTER(run=after)
    rows = comparison(before.observations, after.observations)
    yield _ASKED(run=replace(begun(blank, "demo", means), rows=rows, finished=means.clock()))


def _prepared(blank: Run, stage: Stage, before: Run) -> Iterator[Chapter]:
    means = stage.means
    wanted, authority = stage.wanted, stage.authority
    start = begun(blank, "issue", means)
    ordered = issue(start, wanted, means, authority=authority, dry_run=False)
    yield _ISSUE(run=ordered)
    at_new = stage.asking(stage.new)
    wish = wished(means, ordered, before)
    yield _FORETOLD(run=foretold(blank, means, stage.endpoints, at_new, wish))
    for chapter, dry_run in ((_PLAN, True), (_INSTALL, False)):
        start = begun(blank, "install", means)
        yield chapter(run=install(start, means, ref=None, only=(), dry_run=dry_run))
    yield _AHEAD(run=_verified(blank, stage, before, stage.asking(stage.new)))


def _verified(
    blank: Run, stage: Stage, before: Run, asking: Asking, *, accounts: tuple[Account, ...] = ()
) -> Run:
    start = replace(
        begun(blank, "verify", stage.means), inputs={"before": "before.json", "bundle": "mail"}
    )
    verification = Verification(
        before=before,
        announced=announced(stage.means.site, stage.endpoints, None),
        accounts=accounts,
        retired=(stage.old,) if accounts else (),
    )
    return verify(start, stage.endpoints, asking, verification, seen=unheard)


def _watched(blank: Run, stage: Stage, asking: Asking) -> Run:
    """The run of a watch, during which a thread moves everything."""
    ends: list[Callable[[], None]] = []
    failed: list[BaseException] = []
    pause = threading.Event()

    def moved() -> None:
        pause.wait(_UNDER_WAY)
        try:
            stage.move()
        except BaseException as e:  # noqa: BLE001 - it is raised again, in the caller's thread
            failed.append(e)
        pause.wait(_UNDER_WAY)
        ends[0]()

    mover = threading.Thread(target=moved)

    def until(end: Callable[[], None]) -> None:
        ends.append(end)
        mover.start()

    company = Company(tell=_silent, stand=_silent, keep=_silent, until=until)
    run = watch(
        blank, stage.endpoints, asking, interval=_INTERVAL, clock=moments.now, company=company
    )
    mover.join()
    if failed:
        raise failed[0]
    return run


def _silent(_: str | Standing | Run) -> None:
    """The story tells of the watch when it is over."""
