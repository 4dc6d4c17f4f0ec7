"""`certcheck bundles list|show|import|export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import given, wiring
from certcheck.cli.options import Output, Probing, grouped
from certcheck.errors import InputError

if TYPE_CHECKING:
    from certcheck.model.run import Run, Scalar
    from certcheck.workflow.bundles import Given

_HELP = "The certificates that are kept, with their keys."

app = typer.Typer(help=_HELP, rich_markup_mode=None, add_completion=False)

Ref = Annotated[
    str, typer.Argument(metavar="B[/GEN]", help="Bundle, newest generation unless given.")
]
Files = list[Path]


def listed(output: Output) -> None:
    """Every generation of every bundle. The newest first."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.bundles import listed

        return listed(blank, config.load(output.config)[0])

    wiring.perform("bundles list", output, {}, work)


def shown(output: Output, bundle: Ref) -> None:
    """All about one generation. Its fingerprints, and the TLSA record for its key."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.bundles import shown

        return shown(blank, config.load(output.config)[0], bundle)

    wiring.perform("bundles show", output, {"bundle": bundle}, work)


def imported(
    output: Output,
    bundle: Annotated[str, typer.Argument(metavar="B", help="The bundle to add to, or to make.")],
    chain: Annotated[
        Files,
        typer.Option(
            metavar="FILE", readable=False, help="PEM, leaf first, then its intermediates."
        ),
    ],
    key: Annotated[
        Files, typer.Option(metavar="FILE", readable=False, help="Its private key, in PEM.")
    ],
) -> None:
    """Take a certificate from elsewhere. Twice both options: one ECDSA and one RSA."""

    def work(blank: Run) -> Run:
        from certcheck import config
        from certcheck.workflow.bundles import imported

        site, _ = config.load(output.config)
        means = wiring.means(site, Probing(), output, confirm=False)
        return imported(blank, means, bundle=bundle, given=_given(chain, key))

    inputs: dict[str, Scalar | tuple[str, ...]] = {"bundle": bundle}
    inputs |= {"chain": _texts(chain), "key": _texts(key)}
    wiring.perform("bundles import", output, inputs, work)


def exported(
    bundle: Ref,
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Where to put the copies.")
    ],
    config: Annotated[
        Path | None,
        typer.Option("-c", "--config", metavar="FILE", readable=False, help="certcheck.toml."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Copy a generation's keys and chains. For a web server, or for your backup."""

    def work(blank: Run) -> Run:
        from certcheck import config as configuration
        from certcheck.workflow.bundles import exported

        site, _ = configuration.load(config)
        return exported(blank, site, ref=bundle, folder=folder)

    inputs = {"bundle": bundle, "output": str(folder)}
    wiring.perform("bundles export", Output(json=json, quiet=quiet), inputs, work)


for name, function, example in (
    ("list", listed, "certcheck bundles list"),
    ("show", shown, "certcheck bundles show mail/3"),
    ("import", imported, "certcheck bundles import mail --chain fullchain.pem --key privkey.pem"),
    ("export", exported, "certcheck bundles export mail -o ./mail"),
):
    app.command(name, epilog=f"Example: {example}")(grouped(function))


def _given(chains: Files, keys: Files) -> list[Given]:
    from certcheck.workflow.bundles import Given

    if len(chains) != len(keys):
        raise InputError(
            f"{len(chains)} --chain and {len(keys)} --key do not pair up",
            hint="give one --key for each --chain, in the same order",
        )
    return [
        Given(
            chain=given.read(chain), chain_file=str(chain), key=given.read(key), key_file=str(key)
        )
        for chain, key in zip(chains, keys, strict=True)
    ]


def _texts(paths: Files) -> tuple[str, ...]:
    return tuple(map(str, paths))
