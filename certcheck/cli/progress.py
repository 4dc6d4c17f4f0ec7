"""A bar on stderr for everything that takes longer than a glance, on a terminal only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from certcheck.workflow.asking import Step

_WIDTH = 48


@contextmanager
def bar(title: str, *, quiet: bool) -> Iterator["Callable[[Step], None]"]:
    """What is told of each step; shows how many of all are done, and what was done last.

    Until it is told anything it shows only that something goes on, and for how long.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None, what="")

        def told(step: "Step") -> None:
            what = step.what if len(step.what) <= _WIDTH else f"{step.what[: _WIDTH - 1]}…"
            progress.update(task, completed=step.done, total=step.total, what=what)

        yield told


@contextmanager
def pace(title: str, total: int, *, quiet: bool) -> Iterator["Callable[[int], None]"]:
    """What is told how many of all are done; shows how many a second, and how long it takes."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.0f}/s" if task.speed else "")

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)
