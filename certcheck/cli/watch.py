"""`certcheck watch`."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import given, interruption, lookalikes, wiring
from certcheck.cli.following import followed
from certcheck.cli.lasting import Lasting, lasting
from certcheck.cli.options import AskNobody, Output, Targets, Watching

if TYPE_CHECKING:
    from certcheck.model.run import Run, Scalar

EXAMPLE = "Example: certcheck watch mail.example.org -o night.json --interval 1"


def command(
    output: Output,
    probing: Watching,
    target: Targets = None,
    interval: Annotated[
        float, typer.Option(min=0.2, max=60, help="Seconds between two handshakes with a port.")
    ] = 1.0,
    dry_run: AskNobody = False,
) -> None:
    """How long every port is away. Until SIGTERM or Ctrl-C; then the outages, port by port.

    One handshake a second with every port of every address; names are looked up once, at the
    start. FILE is JSON (or Markdown) and written anew every 10 s; the result is on stdout, too.
    """
    file: list[Lasting] = []

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.probe import moments
        from certcheck.workflow.budget import beat_budget
        from certcheck.workflow.watch import Company, watch

        site, _ = config.load(output.config)
        endpoints = given.endpoints(target, site)
        asking = wiring.asking(site, probing)
        lookalikes.warn(each.host for each in endpoints)
        if dry_run:
            return beat_budget(blank, endpoints, asking, interval=interval)
        file.append(lasting(output, blank))
        with followed(quiet=output.quiet) as following:
            company = Company(
                tell=following.tell,
                stand=following.stand,
                keep=file[0].keep,
                until=interruption.instead,
            )
            return watch(
                blank, endpoints, asking, interval=interval, clock=moments.now, company=company
            )

    def show(run: Run, _: Output) -> None:
        try:
            if file:
                file[0].write(run)
        finally:  # what the disk does not take is still shown
            wiring.write(run, replace(output, output=None))
            sys.stdout.flush()

    inputs: dict[str, Scalar | tuple[str, ...]] = {
        "targets": tuple(target or ()),
        "interval": interval,
        "dry_run": dry_run,
    }
    wiring.perform("watch", replace(output, output=None), inputs, work, show=show)
