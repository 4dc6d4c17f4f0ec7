"""`certcheck rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import wiring
from certcheck.cli.options import DryRun, Output, Probing, Yes

if TYPE_CHECKING:
    from certcheck.model.run import Run

EXAMPLE = "Example: certcheck rollback mail --dry-run"


def command(
    output: Output,
    probing: Probing,
    bundle: Annotated[
        str | None, typer.Argument(metavar="[B]", help="The last installation of this bundle.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Take the last installation back. Again: one further back. Every port is proved."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.rollback import rollback

        site, _ = config.load(output.config)
        means = wiring.means(site, probing, output, confirm=not yes)
        return rollback(blank, means, bundle=bundle, dry_run=dry_run)

    wiring.perform("rollback", output, {"bundle": bundle, "dry_run": dry_run}, work)
