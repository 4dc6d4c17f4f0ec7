"""Where the lines of a sweep go: to stdout, to a new file, or behind those of an earlier run."""

import fcntl
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from certcheck.errors import InputError, LockHeld, Obstacle
from certcheck.report import json
from certcheck.workflow.ledger import Ledger

Write = Callable[[bytes], None]

_LONGEST = 16 * 1024 * 1024  # bytes of a line; a chain is no longer than 256 KiB


def shown() -> Write:
    """Each line to stdout at once; raises BrokenPipeError, Obstacle."""

    def write(line: bytes) -> None:
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            _hush()
            raise
        except OSError as e:
            _hush()
            raise Obstacle(f"cannot write the lines: {e.strerror}", hint="look at the disk") from e

    return write


def _hush() -> None:
    # Python flushes once more at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def kept(path: Path, ledger: Ledger | None) -> Iterator[Write]:
    """A file for the lines; with a ledger behind those that it holds, which the ledger learns.

    A last line that was cut off is taken away. Raises InputError for a file that holds something
    else, LockHeld when another run writes to it, and when written to Obstacle.
    """
    with _opened(path, afresh=ledger is None) as file:
        end = _recalled(file, path, ledger) if ledger else 0
        file.truncate(end)
        file.seek(end)
        yield _appending(file, path)


@contextmanager
def _opened(path: Path, *, afresh: bool) -> Iterator[FileIO]:
    option = "-o" if afresh else "--resume"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except (OSError, ValueError) as e:  # ValueError: a null byte in the path
        reason = (isinstance(e, OSError) and e.strerror) or str(e)
        raise InputError(f"cannot write {path}: {reason}", hint=f"give another {option}") from e
    with FileIO(descriptor, "r+") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InputError(f"{path} is no file", hint=f"give another {option}")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockHeld(
                f"another run writes to {path}", hint="wait until it has ended"
            ) from None
        yield file


def _recalled(file: FileIO, path: Path, ledger: Ledger) -> int:
    """Where the last whole line ends; the ledger has learned all of them."""
    end = 0
    with open(os.dup(file.fileno()), "rb") as lines:  # noqa: PTH123 - a descriptor, not a path
        for number, line in enumerate(iter(lambda: lines.readline(_LONGEST), b""), 1):
            if not line.endswith(b"\n") and _cut_off(line):
                break
            try:
                url, address, outcome, addresses = json.told(line)
            except ValueError as e:
                raise InputError(
                    f"{path}:{number} is no line of a sweep", hint="--resume appends to its lines"
                ) from e
            ledger.recall(url, address, outcome, addresses=addresses)
            end += len(line)
    return end


def _cut_off(line: bytes) -> bool:
    # Of ours, as far as it goes; null bytes are what a power failure leaves of what was not synced.
    kept_ = line.rstrip(b"\0")
    return kept_.startswith(json.ROW_START) or json.ROW_START.startswith(kept_)


def _appending(file: FileIO, path: Path) -> Write:
    def write(line: bytes) -> None:
        end = file.tell()
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as e:
            with suppress(OSError):
                file.truncate(end)
            raise Obstacle(
                f"cannot write {path}: {e.strerror}", hint="make room, then go on with --resume"
            ) from e

    return write
