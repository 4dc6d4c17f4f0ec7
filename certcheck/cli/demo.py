"""`certcheck demo`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from certcheck.cli import given, ordering, wiring
from certcheck.cli.options import Format, Output, Probing
from certcheck.errors import InputError, Obstacle

if TYPE_CHECKING:
    from certcheck.lab import Lab
    from certcheck.lab.generations import Generations
    from certcheck.model.run import Run
    from certcheck.workflow.chapter import Chapter

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
    """The whole job on real servers: a mail host moves from Debian 11 to Debian 13."""
    output = Output(json=json, quiet=quiet, no_color=no_color)

    def work(blank: Run) -> Run:
        from certcheck.workflow.chapter import whole

        _make(folder)
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


def _chapters(blank: Run, output: Output) -> Iterator[Chapter]:
    from certcheck.lab import generations, up

    say = wiring.sayer(output)
    with tempfile.TemporaryDirectory(prefix="certcheck-") as place, ExitStack() as labs:
        try:
            say("starting two mail hosts, Debian 11 and Debian 13, a certificate authority and DNS")
            both = labs.enter_context(generations.up(Path(place, "generations")))
        except Obstacle as e:
            say(f"{e.message} ({e.hint})")
            say("so the story is a shorter one, on one mail host")
            one = labs.enter_context(up(Path(place, "lab")))
            yield from _on_one(blank, output, one)
        else:
            yield from _on_two(blank, output, both)


def _on_one(blank: Run, output: Output, lab: Lab) -> Iterator[Chapter]:
    from certcheck import config
    from certcheck.workflow.demo import demo
    from certcheck.workflow.issue import chosen

    site, _ = config.load(lab.config)
    means = wiring.means(site, Probing(ca_file=lab.acme_root), output, confirm=False)
    yield from demo(
        blank,
        means,
        given.endpoints(None, site),
        [ordering.wanted(table, means) for table in chosen(site, [], None)],
        authority=wiring.authority(site, None),
    )


def _on_two(blank: Run, output: Output, lab: Generations) -> Iterator[Chapter]:
    from certcheck import config
    from certcheck.lab.generations.plan import SERVICE
    from certcheck.lab.plan import USERS
    from certcheck.model.account import Account, Password
    from certcheck.names import hostname
    from certcheck.workflow.demo_move import Stage, demo_move
    from certcheck.workflow.issue import chosen

    def move() -> None:
        lab.copy_mailboxes()
        lab.move_address("new")
        lab.old.stop("dovecot")
        lab.old.stop("postfix")

    lab.client.join()
    roots = lab.path / "roots.pem"
    roots.write_bytes(lab.old_root.read_bytes() + lab.acme_root.read_bytes())
    site, _ = config.load(lab.config)
    means = wiring.means(site, Probing(ca_file=roots), output, confirm=False)
    stage = Stage(
        means=means,
        endpoints=given.endpoints(None, site),
        wanted=tuple(ordering.wanted(table, means) for table in chosen(site, [], None)),
        authority=wiring.authority(site, None),
        accounts=tuple(Account(login=u.login, password=Password(u.password)) for u in USERS),
        service=SERVICE.both,
        new=lab.new.address.both,
        old=hostname(lab.old.address.ipv4),
        move=move,
    )
    yield from demo_move(blank, stage)


def _show(chapter: Chapter, number: int, output: Output) -> None:
    from certcheck.report.story import opening

    typer.echo(opening(number, chapter))
    wiring.render(chapter.run, Format.terminal, sys.stdout, output)
    typer.echo()


def _save(folder: Path, chapters: list[Chapter], run: Run) -> None:
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
