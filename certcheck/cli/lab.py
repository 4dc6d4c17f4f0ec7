"""`certcheck lab up`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import wiring
from certcheck.errors import CertcheckError

if TYPE_CHECKING:
    from certcheck.lab import Lab

app = typer.Typer(help="Real mail servers on loopback, to try things out.", rich_markup_mode=None)

EXAMPLE = "Example: certcheck lab up --dir /srv/lab"


@app.callback()
def _group() -> None:
    """Real mail servers on loopback, to try things out."""


@app.command(epilog=EXAMPLE)
def up(
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="An empty or new directory for all of it.")
    ],
) -> None:
    """Start Pebble, Dovecot, Postfix and a resolver; stop them on SIGTERM or Ctrl-C."""
    from certcheck.lab import serve

    try:
        serve(folder, _ready)
    except CertcheckError as e:
        wiring.complain(e.message, e.hint)
        raise typer.Exit(e.exit_code) from e


def _ready(lab: "Lab") -> None:
    ports = sum(len(host.endpoints) for host in lab.hosts)
    typer.echo(f"ready: {ports} ports; certcheck audit -c {lab.config}")
