"""`certcheck lab up`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import wiring
from certcheck.errors import CertcheckError

if TYPE_CHECKING:
    from certcheck.lab import Lab
    from certcheck.lab.generations import Generations

app = typer.Typer(
    help="Real mail servers on loopback, to try things out.",
    rich_markup_mode=None,
    add_completion=False,
)

EXAMPLE = "Example: certcheck lab up --dir /srv/lab"


@app.callback()
def _group() -> None:
    """Real mail servers on loopback, to try things out."""


@app.command(epilog=EXAMPLE)
def up(
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="An empty or new directory for all of it.")
    ],
    two: Annotated[
        bool,
        typer.Option(
            "--generations",
            help="Two mail hosts, Debian 11 and Debian 13, in a network of their own.",
        ),
    ] = False,
) -> None:
    """Start Pebble, Dovecot, Postfix and a resolver; stop them on SIGTERM or Ctrl-C."""
    try:
        _serve(folder, two=two)
    except CertcheckError as e:
        wiring.complain(e.message, e.hint)
        raise typer.Exit(e.exit_code) from e


def _serve(folder: Path, *, two: bool) -> None:
    from certcheck.lab import generations, serve

    if two:
        generations.serve(folder, _both_ready)
    else:
        serve(folder, _ready)


def _ready(lab: "Lab") -> None:
    ports = sum(len(host.endpoints) for host in lab.hosts)
    typer.echo(f"ready: {ports} ports; certcheck audit -c {lab.config}")


def _both_ready(lab: "Generations") -> None:
    ports = sum(len(host.endpoints) for host in lab.hosts)
    commands = ", ".join(lab.scripts)
    typer.echo(
        f"ready: {ports} ports; in {lab.path} are the commands {commands}; "
        f"{lab.scripts['client']} certcheck audit -c {lab.config}"
    )
