"""The text of certcheck.toml becomes a Site, or an error that tells every fault of it at once."""

import difflib
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from certcheck.config.contradictions import contradictions
from certcheck.config.tables import Site
from certcheck.errors import InputError


def parsed(text: str, path: Path) -> Site:
    """The site that the text of the file at `path` describes; InputError with all its faults."""
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
