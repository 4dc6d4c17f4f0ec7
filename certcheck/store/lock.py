"""One run at a time may change the store or a mail host: the kernel's lock says which."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

from certcheck.errors import LockHeld, Obstacle
from certcheck.store import crash, private

_LONGEST = 20  # bytes of a format that are worth showing
_FORMAT = 1  # of the whole state directory; raised when an older certcheck must not touch it


@contextmanager
def locked(state: Path, *, command: str, now: datetime) -> Iterator[Path]:
    """The state directory, made if missing, for this run alone.

    Raises LockHeld, naming the holder, when another run has it; Obstacle when the directory is
    not safe to use or was written by a newer version.
    """
    private.directory(state)
    descriptor = _opened(state / "lock")
    try:
        _take(descriptor, state)
        with _told(state):
            _sign(descriptor, {"pid": os.getpid(), "since": f"{now:%FT%TZ}", "command": command})
        refuse_newer(state)
        _stamp(state / "format")
        crash.arm(state)
        yield state
    finally:
        os.close(descriptor)  # and with it the lock, also when the process is killed


def refuse_newer(state: Path) -> None:
    """Raise Obstacle for a state directory that a newer certcheck has written."""
    with _told(state):
        written = _format(state / "format")
    if written not in {"", str(_FORMAT)}:
        raise Obstacle(
            f"{state} has format {written!r}, this certcheck knows {_FORMAT}",
            hint="use the newer certcheck that wrote it",
        )


def _take(descriptor: int, state: Path) -> None:
    with _told(state):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockHeld(
                f"another run holds {state}: {_holder(descriptor)}",
                hint="wait until it has ended",
            ) from None


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise Obstacle(
            f"cannot open {path}: {e.strerror}", hint="run as the user who owns the directory"
        ) from e


def _sign(descriptor: int, holder: dict[str, int | str]) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        told = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {told['pid']}, certcheck {told['command']}, since {told['since']}"
    except (ValueError, KeyError, TypeError):
        return "it has not said who it is"


def _stamp(path: Path) -> None:
    with _told(path.parent):
        if not _format(path):  # new, or its first run was killed just here
            path.unlink(missing_ok=True)
            private.write_new(path, f"{_FORMAT}\n".encode())
            private.sync(path.parent)


def _format(path: Path) -> str:
    return path.read_bytes()[:_LONGEST].decode(errors="replace").strip() if path.exists() else ""


def _told(state: Path) -> AbstractContextManager[None]:
    return private.told(f"cannot use the store in {state}")
