"""`certcheck audit`."""

from enum import StrEnum
from typing import Annotated

import typer

from certcheck.cli import wiring
from certcheck.cli.options import Output, Probing, Targets
from certcheck.cli.progress import bar
from certcheck.model.run import Run

EXAMPLE = "Example: certcheck audit mail.example.org --fail-on warning"


class Depth(StrEnum):
    """How closely to look."""

    quick = "quick"
    standard = "standard"


class FailOn(StrEnum):
    """From which severity on a finding makes the exit code 1."""

    note = "note"
    warning = "warning"
    error = "error"


def command(
    output: Output,
    probing: Probing,
    target: Targets = None,
    depth: Annotated[
        Depth, typer.Option(help="quick: handshakes only; standard: cipher suites by sslyze, too.")
    ] = Depth.standard,
    fail_on: Annotated[
        FailOn, typer.Option(help="From which severity on the exit code is 1.")
    ] = FailOn.error,
) -> None:
    """What every port offers, and what is wrong with it."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.audit import audit

        site, _ = config.load(output.config)
        endpoints = wiring.endpoints(target, site)
        asking = wiring.asking(site, probing)
        with bar("auditing", len(endpoints), quiet=output.quiet) as seen:
            return audit(
                blank, endpoints, asking, depth=depth.value, fail_on=fail_on.value, seen=seen
            )

    inputs = {"targets": tuple(target or ()), "depth": depth.value, "fail_on": fail_on.value}
    wiring.perform("audit", output, inputs, work)
