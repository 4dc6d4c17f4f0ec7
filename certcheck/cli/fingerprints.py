"""`certcheck fingerprints`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import given, lookalikes, wiring
from certcheck.cli.options import AskNobody, Output, Probing, Targets
from certcheck.cli.progress import bar

if TYPE_CHECKING:
    from certcheck.model.run import Run
    from certcheck.probe.observe import Depth

EXAMPLE = """Example: certcheck fingerprints imap://mail.example.org smtp://mail.example.org:587

Example: certcheck fingerprints @hosts.txt --resume hosts.jsonl"""


def command(
    output: Output,
    probing: Probing,
    target: Targets = None,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl",
            help="For very many TARGETs: a line of JSON for each endpoint and address as soon as "
            "it is known. One handshake for each type of key, its signature checked, no more.",
        ),
    ] = False,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="FILE",
            readable=False,
            help="The same into FILE, behind the lines that it holds; what they tell of is not "
            "asked again. So the same command goes on after any interruption.",
        ),
    ] = None,
    dry_run: AskNobody = False,
) -> None:
    """Which certificate every port serves. In the form that mail programs show."""
    if (jsonl or resume) and not dry_run:
        from certcheck.cli import sweeping

        sweeping.perform(target, output, probing, resume=resume)

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.fingerprints import fingerprints

        site, _ = config.load(output.config)
        endpoints = given.endpoints(target, site)
        lookalikes.warn(each.host for each in endpoints)
        asking = wiring.asking(site, probing)
        if dry_run:
            from certcheck.workflow.budget import budget

            depth: Depth = "keys" if jsonl or resume else "certificates"
            return budget(blank, endpoints, asking, depths=(depth,))
        with bar("looking", quiet=output.quiet) as seen:
            return fingerprints(blank, endpoints, asking, seen=seen)

    wiring.perform(
        "fingerprints", output, {"targets": tuple(target or ()), "dry_run": dry_run}, work
    )
