"""What is wrong in a file of ours, in one sentence: which table, which key, and what was meant."""

import difflib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pydantic_core import ErrorDetails

_UNKNOWN = {"unexpected_keyword_argument", "extra_forbidden"}
_MISSING = {"missing", "missing_argument", "missing_keyword_only_argument"}


def fault(error: ErrorDetails, root: type) -> str:
    """A fault that pydantic found in a file whose content should be a `root`, a dataclass."""
    names = [part for part in error["loc"] if isinstance(part, str)]
    last = names[-1] if names else "the file"
    where = _where(error["loc"])
    if error["type"] in _UNKNOWN:
        near = difflib.get_close_matches(last, _keys(root, names[:-1]), n=1)
        return f"{where}unknown key {last!r}" + (f" (meant {near[0]!r}?)" if near else "")
    if error["type"] in _MISSING:
        return f"{where}key {last!r} is missing"
    return f"{where}{last}: {error['msg'].removeprefix('Value error, ')}"


def _where(place: tuple[int | str, ...]) -> str:
    match place:
        case (str() as table, int() as number, _, *_):
            return f"[[{table}]] {number + 1}: "
        case (str() as table, str(), *_):
            return f"[{table}] "
        case _:
            return ""


def _keys(root: type, above: list[str]) -> list[str]:
    here = [root]
    for name in above:
        hints = [get_type_hints(each).get(name) for each in here]
        here = [kind for hint in hints for kind in _dataclasses(hint)] or here
    return [f.name for kind in here for f in fields(kind)]


def _dataclasses(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for inside in get_args(hint):
        yield from _dataclasses(inside)
