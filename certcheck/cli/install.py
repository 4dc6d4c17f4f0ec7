"""`certcheck install`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import wiring
from certcheck.cli.options import DryRun, Output, Probing, Yes

if TYPE_CHECKING:
    from certcheck.model.run import Run

EXAMPLE = "Example: certcheck install mail --dry-run"


def command(
    output: Output,
    probing: Probing,
    bundle: Annotated[
        str | None,
        typer.Argument(metavar="[B[/GEN]]", help="Bundle, newest generation unless given."),
    ] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this [[server]] (repeatable)."),
    ] = None,
    tlsa_later: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Install although TLSA records do not fit (yet)."),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Put certificates into Dovecot and Postfix. Every port is proved; else all is put back."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.dane import reason
        from certcheck.workflow.install import install

        site, _ = config.load(output.config)
        announced = os.environ.get("RENEWED_LINEAGE")  # as certbot tells its deploy hooks
        return install(
            blank,
            wiring.means(site, probing, output, confirm=not yes),
            ref=bundle,
            only=server or (),
            dry_run=dry_run,
            announced=Path(announced) if announced else None,
            tlsa_later=reason(tlsa_later),
        )

    inputs = {
        "bundle": bundle,
        "servers": tuple(server or ()),
        "dry_run": dry_run,
        "tlsa_later": tlsa_later,
    }
    wiring.perform("install", output, inputs, work)
