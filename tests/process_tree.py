"""The processes that come from one, and what memory they take: for tests of certcheck's size."""

import os
from collections.abc import Iterator
from pathlib import Path

from certcheck.probe.child import resident


def memory(pid: int) -> dict[int, int]:
    """The resident bytes of a process and of all that come from it, now."""
    return {each: resident(each) for each in family(pid)}


def family(pid: int) -> Iterator[int]:
    """A process, and all that come from it."""
    yield pid
    for task in _tasks(pid):
        try:
            children = (task / "children").read_text("ascii").split()  # proc(5)
        except OSError:  # it has ended
            continue
        for child in children:
            yield from family(int(child))


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def children() -> set[int]:
    """The children of this process, now."""
    return set(family(os.getpid())) - {os.getpid()}
