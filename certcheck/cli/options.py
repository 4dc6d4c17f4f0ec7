"""The options that several commands share, written once."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer


class Format(StrEnum):
    """The forms of a result."""

    terminal = "terminal"
    json = "json"
    markdown = "markdown"
    html = "html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where the site is described, and how the result comes out."""

    config: Annotated[
        Path | None,
        typer.Option(
            "-c",
            "--config",
            metavar="FILE",
            readable=False,  # config.load says it better
            help="The site's certcheck.toml (else ./, then /etc/certcheck/).",
        ),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False
    form: Annotated[Format, typer.Option("--format", help="The form of the result.")] = (
        Format.terminal
    )
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="PATH", readable=False, help="Write the result there."
        ),
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colours (NO_COLOR does the same).")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """How mail servers are asked."""

    ca_file: Annotated[
        Path | None,
        typer.Option(
            "--ca-file", metavar="FILE", readable=False, help="A trust store of your own, in PEM."
        ),
    ] = None
    connect_to: Annotated[
        list[str] | None,
        typer.Option(
            "--connect-to",
            metavar="NAME:PORT:ADDR[:PORT]",
            help="Ask NAME at this address, whatever DNS says (repeatable; empty PORT: any).",
        ),
    ] = None
    per_host: Annotated[
        int, typer.Option("--per-host", min=1, max=64, help="Connections at a time and host.")
    ] = 5
    timeout: Annotated[
        float,
        typer.Option(min=0.5, max=600, help="Seconds for one connection's dialogue and handshake."),
    ] = 30.0
    ipv4: Annotated[bool, typer.Option("-4", help="IPv4 addresses only.")] = False
    ipv6: Annotated[bool, typer.Option("-6", help="IPv6 addresses only.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching(Probing):
    """How mail servers are asked all the time."""

    per_host: Annotated[
        int, typer.Option("--per-host", min=1, max=64, help="Connections at a time and port.")
    ] = 5
    # Longer than postscreen's 6 s: who hangs up earlier never gets past it, and never will.
    timeout: Annotated[
        float,
        typer.Option(min=0.5, max=600, help="Seconds after which a handshake has failed."),
    ] = 10.0


_GROUPS = (Output, Probing, Watching)

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET...",
        help="imap://HOST[:PORT] and the like, a bare HOST, @FILE or - (one a line); "
        "without any: the endpoints of certcheck.toml.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the steps, change nothing.")]
AskNobody = Annotated[
    bool, typer.Option("--dry-run", help="Show how many connections it would take; ask no one.")
]
Mailboxes = Annotated[
    Path | None,
    typer.Option(
        "--mailboxes",
        metavar="ACCOUNTS",
        readable=False,
        help="Log in, read-only, with the accounts of this file (mode 0600; a line: LOGIN "
        "PASSWORD), and count what is there. Only over TLS that is verified, see --ca-file.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before something is changed.")]


def grouped(function: Callable[..., None]) -> Callable[..., None]:
    """The command with each parameter of such a type spread into its options."""
    hints = get_type_hints(function, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if kind in _GROUPS}

    @wraps(function)
    def spread(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{f.name: given.pop(f.name) for f in fields(kind)})
        function(**given)

    own = [
        p.replace(annotation=hints[p.name])
        for p in inspect.signature(function).parameters.values()
        if p.name not in groups
    ]
    shared = [option for kind in groups.values() for option in _options(kind)]
    parameters = [*own, *shared]
    spread.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    spread.__annotations__ = {p.name: p.annotation for p in parameters}
    return spread


def _options(kind: type[Output | Probing]) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name]
        )
        for f in fields(kind)
    ]
