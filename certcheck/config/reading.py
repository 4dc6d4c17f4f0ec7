"""Finding certcheck.toml, and telling every fault of it at once."""

import difflib
import os
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from certcheck.config.contradictions import contradictions
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
    return _parsed(_text(path), path), path


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


def _parsed(text: str, path: Path) -> Site:
    try:
        raw = tomllib.loads(text)
        site = TypeAdapter(Site).validate_python(raw, context={"base": path.parent})
    except ValidationError as e:
        faults = [_fault(error) for error in e.errors()]
        raise InputError(f"{path}: {'; '.join(faults)}", hint="correct the file") from e
    except (ValueError, RecursionError) as e:  # tomllib's own, and what huge numbers make of it
        raise InputError(f"{path}: {e}", hint="correct the file") from e
    faults = list(contradictions(site))
    if faults:
        raise InputError(f"{path}: {'; '.join(faults)}", hint="correct the file")
    return site


def _fault(error: ErrorDetails) -> str:
    names = [part for part in error["loc"] if isinstance(part, str)]
    last = names[-1] if names else "the file"
    where = _where(error["loc"])
    if error["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        near = difflib.get_close_matches(last, _keys(names), n=1)
        return f"{where}unknown key {last!r}" + (f" (meant {near[0]!r}?)" if near else "")
    if error["type"] in {"missing", "missing_argument", "missing_keyword_only_argument"}:
        return f"{where}key {last!r} is missing"
    return f"{where}{last}: {error['msg'].removeprefix('Value error, ')}"


def _where(place: tuple[int | str, ...]) -> str:
    match place:
        case (str() as table, int() as number, *_):
            return f"[[{table}]] {number + 1}: "
        case (str() as table, _, *_):
            return f"[{table}] "
        case _:
            return ""


def _keys(names: list[str]) -> list[str]:
    tables = {f.name: f.type for f in fields(Site)}
    if len(names) < 2:  # noqa: PLR2004 - a key below a table has a table and a key
        return list(tables)
    kinds = (tables.get(names[0]), *get_args(tables.get(names[0])))
    return [f.name for kind in kinds if is_dataclass(kind) for f in fields(kind)]
