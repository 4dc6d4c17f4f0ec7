"""The program: its commands, and the one place where errors, signals and pipes end."""

import os
import resource
import sys
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from certcheck import __version__
from certcheck.cli import (
    audit,
    bundles,
    demo,
    fingerprints,
    install,
    interruption,
    issue,
    lab,
    recover,
    rollback,
    wiring,
)
from certcheck.cli.options import Output, grouped
from certcheck.errors import InputError
from certcheck.model.run import Run

EPILOG = (
    "Exit codes: 0 good, 1 judged bad, 2 bad input, 3 could not be done and nothing was changed, "
    "4 changed and put back, 5 the way back failed."
)

CTRL_C = 130

app = typer.Typer(
    name="certcheck",
    help="Change the certificates of mail servers without surprises.",
    epilog=EPILOG,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo", epilog=demo.EXAMPLE)(grouped(demo.command))
app.command("fingerprints", epilog=fingerprints.EXAMPLE)(grouped(fingerprints.command))
app.command("audit", epilog=audit.EXAMPLE)(grouped(audit.command))
app.command("issue", epilog=issue.EXAMPLE)(grouped(issue.command))
app.command("install", epilog=install.EXAMPLE)(grouped(install.command))
app.command("rollback", epilog=rollback.EXAMPLE)(grouped(rollback.command))
app.command("recover", epilog=recover.EXAMPLE)(grouped(recover.command))
app.add_typer(bundles.app, name="bundles")
app.add_typer(lab.app, name="lab")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"certcheck {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Change the certificates of mail servers without surprises."""


def main() -> NoReturn:
    """Run the command line, and exit with the code that the contract names."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold private keys
    interruption.expect()
    if sys.stdout is None:  # closed by the caller: `>&-`
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    sys.exit(_run() or 0)


def _run() -> int | None:
    if len(sys.argv) == 1:
        app(["--help"], standalone_mode=False)
        return InputError.exit_code
    try:
        code: int | None = app(standalone_mode=False)
    except TyperException as e:
        return _misused(e)
    except (KeyboardInterrupt, typer.Abort):
        return interruption.exit_code()
    # typer turns Ctrl-C that nobody has caught into 130.
    return interruption.exit_code() if code == CTRL_C else code


def _misused(error: TyperException) -> int:
    mistake = InputError(error.format_message(), hint="certcheck COMMAND --help shows how")
    if "--json" not in sys.argv:
        wiring.complain(mistake.message, mistake.hint)
        return mistake.exit_code
    # The document is promised whatever happens, also where the options cannot be read.
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")

    def work(_: Run) -> NoReturn:
        raise mistake

    try:
        wiring.perform(command, Output(json=True), {}, work)
    except typer.Exit as end:
        return end.exit_code
