"""`certcheck clients list|show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import wiring
from certcheck.cli.options import Output, grouped

if TYPE_CHECKING:
    from certcheck.model.run import Run

app = typer.Typer(
    help="The mail programs whose behaviour is known.", rich_markup_mode=None, add_completion=False
)

Wanted = Annotated[str, typer.Argument(metavar="ID", help="An id, several with commas, a group.")]


def listed(output: Output) -> None:
    """Every program by its group. Its id is what --clients takes."""

    def work(blank: Run) -> Run:
        from certcheck.workflow.clients import listed

        return listed(blank)

    wiring.perform("clients list", output, {}, work)


def shown(output: Output, client: Wanted) -> None:
    """All about one program. What its TLS offers, what it asks its owner, and who says so."""

    def work(blank: Run) -> Run:
        from certcheck.workflow.clients import shown

        return shown(blank, client)

    wiring.perform("clients show", output, {"client": client}, work)


for name, function, example in (
    ("list", listed, "certcheck clients list"),
    ("show", shown, "certcheck clients show thunderbird-140"),
):
    app.command(name, epilog=f"Example: {example}")(grouped(function))
