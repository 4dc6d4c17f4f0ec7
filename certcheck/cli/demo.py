"""`certcheck demo`."""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import ordering, wiring
from certcheck.cli.options import Format, Output, Probing
from certcheck.errors import InputError
from certcheck.model.run import Run

if TYPE_CHECKING:
    from certcheck.workflow.demo import Chapter

EXAMPLE = "Example: certcheck demo -o /tmp/demo"


def command(
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="For summary.md and run.json.")
    ] = Path("demo"),
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colours (NO_COLOR does the same).")
    ] = False,
) -> None:
    """The whole job on real servers. Look, issue, install, audit, compare."""
    output = Output(json=json, quiet=quiet, no_color=no_color)

    def work(blank: Run) -> Run:
        from certcheck.workflow.demo import whole

        _make(folder)
        wiring.sayer(output)("starting a certificate authority, Dovecot, Postfix and a resolver")
        chapters: list[Chapter] = []
        for chapter in _chapters(blank, output):
            if not json:
                _show(chapter, len(chapters) + 1, output)
            chapters.append(chapter)
        run = replace(whole(chapters), finished=wiring.now())
        _save(folder, chapters, run)
        return run

    wiring.perform("demo", output, {"output": str(folder)}, work, show=_end)


def _end(run: Run, output: Output) -> None:
    if output.json:
        wiring.render(run, Format.json, sys.stdout, output)
    wiring.complain_of(run)


def _chapters(blank: Run, output: Output) -> "Iterator[Chapter]":
    from certcheck import config
    from certcheck.lab import up
    from certcheck.workflow.demo import demo
    from certcheck.workflow.issue import chosen

    with tempfile.TemporaryDirectory(prefix="certcheck-") as place, up(Path(place, "lab")) as lab:
        site, _ = config.load(lab.config)
        endpoints = wiring.endpoints(None, site)
        means = wiring.means(site, Probing(ca_file=lab.acme_root), output, confirm=False)
        yield from demo(
            blank,
            means,
            endpoints,
            [ordering.wanted(table, means) for table in chosen(site, [], None)],
            authority=wiring.authority(site, None),
        )


def _show(chapter: "Chapter", number: int, output: Output) -> None:
    from certcheck.report.story import opening

    typer.echo(opening(number, chapter))
    wiring.render(chapter.run, Format.terminal, sys.stdout, output)
    typer.echo()


def _save(folder: Path, chapters: "list[Chapter]", run: Run) -> None:
    from certcheck.report import json, story

    with (folder / "summary.md").open("w", encoding="utf-8") as stream:
        story.write(chapters, stream)
    with (folder / "run.json").open("wb") as stream:
        json.write(run, stream)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "summary.md").open("ab").close()
    except OSError as e:
        raise InputError(f"cannot write in {folder}: {e.strerror}", hint="give another -o") from e
