"""The program: its commands, and the one place where errors, signals and pipes end."""

from __future__ import annotations

import os
import resource
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from certcheck import __version__
from certcheck.cli import interruption
from certcheck.errors import InputError

if TYPE_CHECKING:
    from certcheck.model.run import Run

EPILOG = (
    "Exit codes: 0 good, 1 judged bad, 2 bad input, 3 could not be done and nothing was changed, "
    "4 changed and put back, 5 the way back failed."
)

CTRL_C = 130

_COMMANDS = (
    *("demo", "fingerprints", "audit", "watch", "issue", "install", "rollback", "recover"),
    *("snapshot", "verify"),
)
_GROUPS = ("bundles", "clients", "lab")


class Commands(TyperGroup):
    """The commands, each a module of this package, which is loaded only when it is asked for."""

    def list_commands(self, _ctx: object) -> list[str]:
        """All of them, as the help shows them."""
        return [*_COMMANDS, *_GROUPS]

    def get_command(self, _ctx: object, cmd_name: str) -> Any:
        """The command of that name, or None."""
        return _loaded(cmd_name) if cmd_name in {*_COMMANDS, *_GROUPS} else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names; raises typer's error for an unknown one."""
        self.commands: dict[str, Any] = dict.fromkeys(self.list_commands(ctx))  # "Did you mean"
        return super().resolve_command(ctx, args)


def _loaded(name: str) -> Any:
    module = import_module(f"certcheck.cli.{name}")
    one = (
        module.app if name in _GROUPS else typer.Typer(rich_markup_mode=None, add_completion=False)
    )
    if name in _COMMANDS:
        from certcheck.cli.options import grouped

        one.command(name, epilog=module.EXAMPLE)(grouped(module.command))
    made = typer.main.get_command(one)
    made.name = name
    return made


app = typer.Typer(
    name="certcheck",
    cls=Commands,
    help="Change the certificates of mail servers without surprises.",
    epilog=EPILOG,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    from certcheck.cli import wiring
    from certcheck.cli.options import Output

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
