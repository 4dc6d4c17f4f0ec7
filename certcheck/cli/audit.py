"""`certcheck audit`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import given, lookalikes, wiring
from certcheck.cli.options import AskNobody, Output, Probing, Targets
from certcheck.cli.progress import bar

if TYPE_CHECKING:
    from certcheck.model.run import Run, Scalar
    from certcheck.workflow.asking import Asking
    from certcheck.workflow.clues import Discovery
    from certcheck.workflow.predicting import Wish

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
    clients: Annotated[
        str | None,
        typer.Option(
            metavar="all,GROUP,ID",
            help="Predict what these mail programs will do, and knock as each of them: one "
            "connection for each different hello. certcheck clients list shows them.",
        ),
    ] = None,
    plan_tls: Annotated[
        str | None,
        typer.Option(
            metavar="PLAN",
            help="Predict for TLS as it is planned: mozilla-modern, mozilla-intermediate or "
            "mozilla-old.",
        ),
    ] = None,
    plan_chain: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            readable=False,
            help="Predict for this chain in PEM, which no server serves yet; one for each type of "
            "key.",
        ),
    ] = None,
    dry_run: AskNobody = False,
) -> None:
    """What every port offers, and what is wrong with it."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.audit import audit
        from certcheck.workflow.budget import budget

        site, _ = config.load(output.config)
        asking = wiring.asking(site, probing)
        wish = _wish(clients, plan_tls, plan_chain or [])
        found = _found(target, asking, output) if domain else None
        endpoints = found.endpoints if found else given.endpoints(target, site)
        if dry_run:
            return budget(
                blank,
                endpoints,
                asking,
                depths=("quick", "standard", "full"),
                wish=wish,
            )
        with bar("auditing", quiet=output.quiet) as seen:
            return audit(
                blank,
                endpoints,
                asking,
                depth=depth.value,
                fail_on=fail_on.value,
                seen=seen,
                discovery=found,
                wish=wish,
            )

    inputs: dict[str, Scalar | tuple[str, ...]] = {
        "targets": tuple(target or ()),
        "domain": domain,
        "depth": depth.value,
        "fail_on": fail_on.value,
        "clients": clients,
        "plan_tls": plan_tls,
        "plan_chain": tuple(map(str, plan_chain or ())),
        "dry_run": dry_run,
    }
    wiring.perform("audit", output, inputs, work)


def _found(target: list[str] | None, asking: Asking, output: Output) -> Discovery:
    from certcheck.workflow.discovery import discover

    domains = given.domains(target)
    lookalikes.warn(domains)
    with bar("looking up", quiet=output.quiet):
        return discover(domains, asking)


def _wish(clients: str | None, plan_tls: str | None, plan_chain: list[Path]) -> Wish | None:
    if clients is None and not plan_tls and not plan_chain:
        return None
    from certcheck.judge import profiles
    from certcheck.judge.plans import Plan, tls_plan
    from certcheck.workflow.predicting import Wish

    plan = Plan(
        tls=tls_plan(plan_tls) if plan_tls else None,
        chains=tuple(wiring.chain(file, "--plan-chain") for file in plan_chain),
    )
    chosen = profiles.selected("all" if clients is None else clients, profiles.clients())
    return Wish(clients=chosen, plan=plan if plan.tls or plan.chains else None)
