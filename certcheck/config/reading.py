"""Finding certcheck.toml; without one there is nothing to read, and nothing to load for it."""

import os
from pathlib import Path

from certcheck.config.tables import Site
from certcheck.errors import InputError

PLACES = (Path("certcheck.toml"), Path("/etc/certcheck/certcheck.toml"))

_MAX_BYTES = 1024 * 1024


def load(given: Path | None) -> tuple[Site, Path | None]:
    """The site of `given`, else of the first file in PLACES, else an empty one; and its path.

    Raises InputError with every fault of the file.
    """
    path = given or next(filter(_is_there, PLACES), None)
    if path is None:
        return Site(), None
    if given is None:
        _refuse_foreign(path)
    from certcheck.config.parsing import parsed

    return parsed(_text(path), path), path


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False  # a directory that this user may not search is none of its configuration


def _refuse_foreign(path: Path) -> None:
    # A file planted in a shared folder would otherwise choose which programs root runs.
    if path.stat().st_uid not in {0, os.geteuid()}:
        raise InputError(f"{path} belongs to another user", hint=f"say so with -c {path}")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}", hint="give another with -c") from e
    if len(data) > _MAX_BYTES:
        raise InputError(f"{path} is larger than 1 MiB", hint="this is no certcheck.toml")
    try:
        return data.decode()
    except UnicodeDecodeError as e:
        raise InputError(f"{path} is not UTF-8 at byte {e.start}", hint="save it as UTF-8") from e
