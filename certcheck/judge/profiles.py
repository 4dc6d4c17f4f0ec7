"""The mail programs that are known: one file each, on TLS stacks that several of them share."""

import difflib
import functools
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from certcheck import iana
from certcheck.errors import InputError, listed
from certcheck.model.client import Client, Family, Stack

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_DATA = Path(__file__).with_name("data")
_MAX_BYTES = 64 * 1024
_ALL = "all"
_Kind = TypeVar("_Kind")


@functools.cache
def clients(folder: Path = _DATA) -> Mapping[str, Client]:
    """All known programs by id, in its order; raises InputError for the first faulty file.

    The name of a file is the id, and `stack` in it the name of one in stacks/.
    """
    known = stacks(folder)
    return {path.stem: _client(path, known) for path in sorted((folder / "clients").glob("*.toml"))}


@functools.cache
def stacks(folder: Path = _DATA) -> Mapping[str, Stack]:
    """All TLS stacks by id; raises InputError for the first faulty file."""
    return {path.stem: _stack(path) for path in sorted((folder / "stacks").glob("*.toml"))}


def selected(wanted: str, known: Mapping[str, Client]) -> tuple[Client, ...]:
    """Programs by `all`, a family, or ids with commas; raises InputError with the nearest names."""
    words = [word.strip() for word in wanted.split(",") if word.strip()]
    if not words:
        raise InputError("no mail program is selected", hint=f"{_ALL!r} selects every one")
    found: dict[str, Client] = {}
    for word in words:
        meant = {each.id: each for each in known.values() if word in (_ALL, each.family, each.id)}
        if not meant:
            raise _stranger(word, known)
        found |= meant
    return tuple(found.values())


def _stranger(word: str, known: Mapping[str, Client]) -> InputError:
    names = [*get_args(Family), *known]
    near = [name for name in names if word.lower() in name] or _near(word, names)
    meant = f"meant {listed(near, most=3)}?" if near else "`certcheck clients list` shows them all"
    return InputError(f"no mail program and no group is called {word!r}", hint=meant)


def _client(path: Path, known: Mapping[str, Stack]) -> Client:
    raw = _raw(path)
    stack = raw.get("stack")
    if stack is not None and stack not in known:
        raise _fault(path, _no_name("stack", stack, known, "a file in stacks/"))
    if isinstance(stack, str):
        raw["stack"] = known[stack]
    return _valid(path, raw, Client)


def _stack(path: Path) -> Stack:
    found = _valid(path, _raw(path), Stack)
    groups = (*iana.GROUPS.values(), *iana.MORE_GROUPS.values())
    for key, words, names in (
        ("suites", found.suites, iana.suites().values()),
        ("groups", found.groups, groups),
        ("key_shares", found.key_shares, groups),
        ("signatures", found.signatures, iana.SIGNATURES.values()),
        ("signatures_cert", found.signatures_cert, iana.SIGNATURES.values()),
    ):
        for word in words or ():
            if word not in names and not word.startswith("0x"):
                raise _fault(path, _no_name(key, word, names, "a name of IANA's"))
    return found


def _raw(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
        if len(data) > _MAX_BYTES:
            raise _fault(path, f"larger than {_MAX_BYTES} bytes")
        return {**tomllib.loads(data.decode()), "id": path.stem}
    except OSError as e:
        raise _fault(path, e.strerror or str(e)) from e
    except ValueError as e:  # tomllib's own, and what is not UTF-8
        raise _fault(path, str(e)) from e


def _valid(path: Path, raw: Mapping[str, Any], kind: type[_Kind]) -> _Kind:
    from pydantic import ValidationError

    from certcheck.config.faults import fault

    try:
        valid: _Kind = _adapters()[kind].validate_python(raw)
    except ValidationError as e:
        raise _fault(path, "; ".join(fault(error, kind) for error in e.errors())) from e
    return valid


@functools.cache
def _adapters() -> "Mapping[type, TypeAdapter[Any]]":
    from pydantic import TypeAdapter

    return {kind: TypeAdapter(kind) for kind in (Client, Stack)}


def _fault(path: Path, what: str) -> InputError:
    return InputError(f"{path.parent.name}/{path.name}: {what}", hint="correct the file")


def _no_name(key: str, word: str, names: Iterable[str], what: str) -> str:
    near = _near(word, list(names))
    return f"{key}: {word!r} is not {what}" + (f" (meant {near[0]!r}?)" if near else "")


def _near(word: str, names: list[str]) -> list[str]:
    return difflib.get_close_matches(word, names, n=3)
