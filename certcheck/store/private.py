"""Files and directories that only their owner can read, and that survive a power cut."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certcheck.errors import Obstacle

_OTHERS_WRITE = 0o022
_OTHERS = 0o077
_MAX_FILE = 16 * 1024


def directory(path: Path) -> Path:
    """`path` as a directory that only its owner can write, made with mode 0700 if missing.

    Raises Obstacle when others can write it, it belongs to another user, or it cannot be made.
    """
    try:
        for missing in reversed([p for p in (path, *path.parents) if not p.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
            sync(missing.parent)
        facts = path.stat()
    except ValueError as e:
        raise Obstacle(f"{str(path)!r} is no path: {e}", hint="correct [site] state") from e
    except OSError as e:
        raise Obstacle(
            f"cannot use the directory {path}: {e.strerror}", hint="run as the user who owns it"
        ) from e
    if facts.st_uid not in {0, os.geteuid()}:
        raise Obstacle(f"{path} belongs to another user", hint="run as that user")
    if facts.st_mode & _OTHERS_WRITE:
        raise Obstacle(f"others can write {path}", hint=f"chmod 0700 {path}")
    return path


def write_new(path: Path, data: bytes) -> None:
    """Create `path` with mode 0600 whatever the umask, synced to the disk; it must not exist."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, 0o600)
        stream.write(data)
        stream.flush()
        os.fsync(descriptor)


def read(path: Path) -> bytes:
    """The first 16 KiB of a file that is ours alone; raises Obstacle for any other."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode) or facts.st_uid not in {0, os.geteuid()}:
                raise Obstacle(f"{path} is not a file of ours", hint="look at who put it there")
            if facts.st_mode & _OTHERS:
                raise Obstacle(f"others can read or write {path}", hint=f"chmod 0600 {path}")
            return stream.read(_MAX_FILE)
    except OSError as e:
        raise _unusable(path, e) from e


def replace(path: Path, data: bytes) -> None:
    """Write a file of mode 0600, whole or not at all; raises Obstacle."""
    new = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        write_new(new, data)
        new.replace(path)
        sync(path.parent)
    except OSError as e:
        raise _unusable(path, e) from e
    finally:
        new.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make what was created or renamed in the directory `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Raise Obstacle, `what` and the disk's own word, for an OSError inside."""
    try:
        yield
    except OSError as e:
        raise Obstacle(f"{what}: {e.strerror}", hint="look at the disk") from e


def _unusable(file: Path, error: OSError) -> Obstacle:
    return Obstacle(
        f"cannot use {file}: {error.strerror}", hint="run as the user who owns the state directory"
    )
