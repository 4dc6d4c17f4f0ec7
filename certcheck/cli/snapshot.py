"""`certcheck snapshot`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from certcheck.cli import given, lookalikes, wiring
from certcheck.cli.options import AskNobody, Mailboxes, Output, Probing, Targets
from certcheck.cli.progress import bar
from certcheck.errors import InputError

if TYPE_CHECKING:
    from certcheck.model.run import Run, Scalar

EXAMPLE = "Example: certcheck snapshot mail.example.org -o before.json"


def command(
    output: Output,
    probing: Probing,
    target: Targets = None,
    mailboxes: Mailboxes = None,
    dry_run: AskNobody = False,
) -> None:
    """All that mail hosts offer now, in a file. For certcheck verify after the change."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.config.accounts import accounts as read_accounts
        from certcheck.workflow.budget import budget
        from certcheck.workflow.snapshot import DEPTH, snapshot

        site, _ = config.load(output.config)
        endpoints = given.endpoints(target, site)
        lookalikes.warn(each.host for each in endpoints)
        asking = wiring.asking(site, probing)
        accounts = read_accounts(mailboxes) if mailboxes else ()
        if dry_run:
            return budget(blank, endpoints, asking, depths=(DEPTH,))
        if output.output is None:
            raise InputError("name the file for the snapshot", hint="-o FILE, such as before.json")
        with bar("looking", quiet=output.quiet) as seen:
            return snapshot(blank, endpoints, asking, accounts=accounts, seen=seen)

    inputs: dict[str, Scalar | tuple[str, ...]] = {
        "targets": tuple(target or ()),
        "mailboxes": str(mailboxes) if mailboxes else None,
        "dry_run": dry_run,
    }
    wiring.perform("snapshot", output, inputs, work, show=_show)


def _show(run: Run, output: Output) -> None:
    from certcheck.report.reading import sealed

    if run.observations:
        run = sealed(run)
        wiring.save(run, output.output)
    wiring.write(run, replace(output, output=None))
