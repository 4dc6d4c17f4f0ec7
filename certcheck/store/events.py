"""Folders with an append-only file of events, one JSON line each: there whole, or not at all."""

import errno
import os
import re
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import chain, count
from pathlib import Path

from certcheck.store import crash, private

ORDER = "issue"  # the command whose folders are orders; all others change a mail host

_FOLDER = re.compile(r"[0-9]{8}T[0-9]{6}Z-(?P<command>[a-z]+)(-[0-9]+)?")


def new_folder(state: Path, command: str, *, now: datetime) -> Path:
    """An empty folder below `state/journal` for one run; the caller holds the lock.

    Raises Obstacle.
    """
    parent = private.directory(state / "journal")
    stem = f"{now:%Y%m%dT%H%M%SZ}-{command}"
    names = chain([stem], (f"{stem}-{number}" for number in count(2)))
    with told(parent):
        folder = next(each for each in (parent / name for name in names) if not each.exists())
        folder.mkdir(mode=0o700)
        private.sync(parent)
    return folder


def folders(state: Path, *, orders: bool) -> list[Path]:
    """The folders of orders or those of all other runs, youngest first. Raises Obstacle."""
    parent = state / "journal"
    with told(parent):
        found = sorted(parent.iterdir(), reverse=True) if parent.is_dir() else []
        return [each for each in found if each.is_dir() and _is_order(each) == orders]


def append(folder: Path, line: bytes) -> None:
    """Write one line, synced. Raises Obstacle, with the file as it was, when the disk refuses."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    with told(folder):
        descriptor = os.open(folder / "events.jsonl", flags, 0o600)
        try:
            _write_whole(descriptor, line + b"\n")
        finally:
            os.close(descriptor)
    crash.point()


def lines(folder: Path) -> list[bytes]:
    """The whole lines that were written; half a line at the end is cut off. Raises Obstacle."""
    path = folder / "events.jsonl"
    with told(folder):
        data = path.read_bytes() if path.exists() else b""
        *whole, torn = data.split(b"\n")
        if torn:
            # It was being written when the run died, so what it announces never began.
            os.truncate(path, len(data) - len(torn))
    return whole


def told(place: Path) -> AbstractContextManager[None]:
    """A context in which a refusing disk is an Obstacle."""
    return private.told(f"cannot keep the journal in {place}")


def _is_order(folder: Path) -> bool:
    named = _FOLDER.fullmatch(folder.name)
    return named is not None and named["command"] == ORDER


def _write_whole(descriptor: int, line: bytes) -> None:
    # All of the line or nothing of it: half a line would make what follows unreadable.
    size = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, line)
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    if written != len(line):
        os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
