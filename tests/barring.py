"""Ways in which a machine bars its files from everybody, for a while; root only."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def immutable(path: Path) -> Iterator[None]:
    """A file or directory that nobody may change."""
    with _between(("chattr", "+i", path), ("chattr", "-i", path)):
        yield


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """A directory, or that of a file, on a file system that is mounted read-only."""
    folder = path if path.is_dir() else path.parent
    with _between(("mount", "--bind", "-o", "ro", folder, folder), ("umount", folder)):
        yield


@contextmanager
def _between(begin: tuple[str | Path, ...], end: tuple[str | Path, ...]) -> Iterator[None]:
    subprocess.run(begin, check=True, timeout=30)
    try:
        yield
    finally:
        subprocess.run(end, check=True, timeout=30)
