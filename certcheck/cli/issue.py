"""`certcheck issue`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import lookalikes, ordering, wiring
from certcheck.cli.options import DryRun, Output, Probing
from certcheck.errors import InputError

if TYPE_CHECKING:
    from certcheck.config import BundleTable
    from certcheck.model.run import Run

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How the command line wants names to be proved, if it says so."""

    http_port: int | None
    webroot: Path | None
    dns_hook: str | None


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
    dns_hook: Annotated[
        str | None,
        typer.Option(
            "--dns-hook",
            metavar="CMD",
            help="dns-01: CMD present NAME VALUE, CMD cleanup NAME VALUE.",
        ),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Order certificates by ACME. Each is kept as a new generation of its bundle."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.names import hostname
        from certcheck.workflow.issue import chosen, issue

        site, _ = config.load(output.config)
        names = [hostname(text, wildcard=True) for text in name or ()]
        tables = chosen(site, names, bundle)
        lookalikes.warn(each for table in tables for each in table.names)
        way = _Way(http_port=http_port, webroot=webroot, dns_hook=dns_hook)
        changed = [_by(_changed(table, key, way), via, certbot_args) for table in tables]
        means = wiring.means(site, Probing(), output, confirm=False)
        return issue(
            blank,
            [ordering.wanted(table, means) for table in changed],
            means,
            authority=wiring.authority(site, directory),
            dry_run=dry_run,
        )

    inputs = {"names": tuple(name or ()), "bundle": bundle, "dry_run": dry_run}
    wiring.perform("issue", output, inputs, work)


def _changed(table: BundleTable, key: Key | None, way: _Way) -> BundleTable:
    chosen = [option for option in (way.http_port, way.webroot, way.dns_hook) if option is not None]
    if len(chosen) > 1:
        raise InputError(
            "--http-port, --webroot and --dns-hook exclude each other", hint="choose one"
        )
    table = replace(table, key=key.value if key else table.key)
    if not chosen:
        return table
    return replace(
        table,
        challenge="http-01" if way.dns_hook is None else "dns-01",
        http_port=way.http_port,
        webroot=way.webroot,
        dns_hook=way.dns_hook,
    )


def _by(table: BundleTable, via: Via | None, certbot_args: str | None) -> BundleTable:
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
