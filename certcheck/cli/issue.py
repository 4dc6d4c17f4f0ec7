"""`certcheck issue`."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import ordering, wiring
from certcheck.cli.options import DryRun, Output, Probing
from certcheck.errors import InputError
from certcheck.model.run import Run
from certcheck.names import hostname

if TYPE_CHECKING:
    from certcheck.config import BundleTable

EXAMPLE = "Example: certcheck issue mail.example.org imap.example.org --webroot /var/www/html"


class Via(StrEnum):
    """Who orders."""

    acme = "acme"
    certbot = "certbot"


class Key(StrEnum):
    """The kinds of key."""

    ecdsa = "ecdsa"
    rsa2048 = "rsa2048"
    rsa3072 = "rsa3072"
    rsa4096 = "rsa4096"
    both = "both"


def command(
    output: Output,
    name: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Host names; without any: every [[bundle]]."),
    ] = None,
    bundle: Annotated[str | None, typer.Option(help="The bundle to issue, or to make.")] = None,
    key: Annotated[
        Key | None,
        typer.Option(help="ECDSA P-256 unless the toml differs; both: that and RSA 2048."),
    ] = None,
    directory: Annotated[
        str | None, typer.Option(metavar="URL", help="The ACME directory of the CA.")
    ] = None,
    http_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Where to listen for http-01 (80).")
    ] = None,
    webroot: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Put http-01 files there instead.")
    ] = None,
    via: Annotated[
        Via | None,
        typer.Option(help="Who orders: certcheck by ACME, or certbot, which renews when due."),
    ] = None,
    certbot_args: Annotated[
        str | None,
        typer.Option(metavar="ARGS", help="More arguments for certbot, as one quoted text."),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Order certificates by ACME. Each is kept as a new generation of its bundle."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.issue import chosen, issue

        site, _ = config.load(output.config)
        names = [hostname(text, wildcard=True) for text in name or ()]
        tables = chosen(site, names, bundle)
        changed = [
            _by(_changed(table, key, http_port, webroot), via, certbot_args) for table in tables
        ]
        return issue(
            blank,
            [ordering.wanted(table) for table in changed],
            wiring.means(site, Probing(), output, confirm=False),
            authority=wiring.authority(site, directory),
            dry_run=dry_run,
        )

    inputs = {"names": tuple(name or ()), "bundle": bundle, "dry_run": dry_run}
    wiring.perform("issue", output, inputs, work)


def _changed(
    table: "BundleTable", key: Key | None, http_port: int | None, webroot: Path | None
) -> "BundleTable":
    if http_port and webroot:
        raise InputError("--http-port and --webroot exclude each other", hint="choose one")
    return replace(
        table,
        key=key.value if key else table.key,
        http_port=http_port or table.http_port,
        webroot=None if http_port else webroot or table.webroot,
    )


def _by(table: "BundleTable", via: Via | None, certbot_args: str | None) -> "BundleTable":
    from certcheck.config import words

    table = replace(table, via=via.value if via else table.via)
    if certbot_args is None:
        return table
    if table.via != "certbot":
        raise InputError("--certbot-args without --via certbot", hint="give both, or neither")
    try:
        return replace(table, certbot_args=(*table.certbot_args, *words(certbot_args)))
    except ValueError as e:
        raise InputError(f"--certbot-args: {e}", hint="quote it as in a shell") from e
