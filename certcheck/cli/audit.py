"""`certcheck audit`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import given, lookalikes, wiring
from certcheck.cli.options import AskNobody, Output, Probing, Targets
from certcheck.cli.progress import bar

if TYPE_CHECKING:
    from certcheck.model.run import Run, Scalar
    from certcheck.workflow.asking import Asking
    from certcheck.workflow.clues import Discovery

EXAMPLE = "Example: certcheck audit mail.example.org --fail-on warning"


class Depth(StrEnum):
    """How closely to look."""

    quick = "quick"
    standard = "standard"
    full = "full"


class FailOn(StrEnum):
    """From which severity on a finding makes the exit code 1."""

    note = "note"
    warning = "warning"
    error = "error"


def command(
    output: Output,
    probing: Probing,
    target: Targets = None,
    domain: Annotated[
        bool,
        typer.Option(
            "--domain",
            help="The TARGETs are mail domains: audit what their MX and SRV records and the usual "
            "names lead to, such as certcheck audit --domain example.org",
        ),
    ] = False,
    depth: Annotated[
        Depth,
        typer.Option(
            help="quick: handshakes only; standard: cipher suites by sslyze, too; full: asked by "
            "certcheck's own hellos as well, with groups, and the two compared.",
        ),
    ] = Depth.standard,
    fail_on: Annotated[
        FailOn, typer.Option(help="From which severity on the exit code is 1.")
    ] = FailOn.error,
    dry_run: AskNobody = False,
) -> None:
    """What every port offers, and what is wrong with it."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.audit import audit
        from certcheck.workflow.budget import budget

        site, _ = config.load(output.config)
        asking = wiring.asking(site, probing)
        found = _found(target, asking, output) if domain else None
        endpoints = found.endpoints if found else given.endpoints(target, site)
        if dry_run:
            return budget(blank, endpoints, asking, depths=tuple(each.value for each in Depth))
        with bar("auditing", quiet=output.quiet) as seen:
            return audit(
                blank,
                endpoints,
                asking,
                depth=depth.value,
                fail_on=fail_on.value,
                seen=seen,
                discovery=found,
            )

    inputs: dict[str, Scalar | tuple[str, ...]] = {
        "targets": tuple(target or ()),
        "domain": domain,
        "depth": depth.value,
        "fail_on": fail_on.value,
        "dry_run": dry_run,
    }
    wiring.perform("audit", output, inputs, work)


def _found(target: list[str] | None, asking: Asking, output: Output) -> Discovery:
    from certcheck.workflow.discovery import discover

    domains = given.domains(target)
    lookalikes.warn(domains)
    with bar("looking up", quiet=output.quiet):
        return discover(domains, asking)
