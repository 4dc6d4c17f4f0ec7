"""What the user points at: TARGETs as words or in a list, and files that options name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from certcheck.errors import InputError

if TYPE_CHECKING:
    from certcheck.config import Site
    from certcheck.model.endpoint import Endpoint, Hostname

Thing = TypeVar("Thing")

_MAX_LIST = 64 * 1024 * 1024
_EMPTY = InputError("the list of TARGETs is empty", hint="one a line, # begins a comment")


def endpoints(given: Sequence[str] | None, site: Site) -> tuple[Endpoint, ...]:
    """The endpoints that the TARGETs mean, without doubles; without any the toml's.

    Raises InputError for a bad one, naming file and line where it stands in a file.
    """
    from certcheck import targets

    if not given:
        if not site.endpoint:
            raise InputError("no TARGET given", hint="name a host, or list [[endpoint]]s")
        return tuple(entry.url for entry in site.endpoint)
    found = tuple(dict.fromkeys(e for text in given for e in _meant(text, targets.endpoints)))
    if not found:
        raise _EMPTY
    return found


class Stream:
    """TARGETs that are read one by one, each time anew; all of them can be read.

    `size` is their number, `in_letters` the hosts of other letters than those of ASCII. Raises
    InputError as `endpoints`.
    """

    def __init__(self, given: Sequence[str] | None, site: Site) -> None:
        self._lists = {text: _list(text) for text in given or () if _is_list(text)}
        self._given = given or tuple(each.url for each in endpoints((), site))
        self.size = 0
        letters: dict[Hostname, None] = {}
        for target in self:
            self.size += 1
            letters.update(dict.fromkeys(each.host for each in target if each.host.in_letters))
        self.in_letters = tuple(letters)
        if not self.size:
            raise _EMPTY

    def __iter__(self) -> Iterator[Sequence[Endpoint]]:
        """The endpoints of one TARGET after the other: one, or all usual ones of a bare host."""
        from certcheck import targets

        for text in self._given:
            if _is_list(text):
                where = "stdin" if text == "-" else text[1:]
                yield from _lines(self._lists[text], where, targets.endpoints)
            else:
                yield targets.endpoints(text)


def domains(given: Sequence[str] | None) -> tuple[Hostname, ...]:
    """The mail domains that the TARGETs are, without doubles; raises InputError as `endpoints`."""
    from certcheck import targets

    each = (_meant(text, lambda word: (targets.mail_domain(word),)) for text in given or ())
    found = tuple(dict.fromkeys(domain for meant in each for domain in meant))
    if not found:
        raise InputError("name a domain", hint="--domain takes mail domains, such as example.org")
    return found


def _meant(text: str, meaning: Callable[[str], Sequence[Thing]]) -> Iterator[Thing]:
    """What one TARGET means, or each line of the file that it names."""
    if not _is_list(text):
        yield from meaning(text)
        return
    where = "stdin" if text == "-" else text[1:]
    for each in _lines(_list(text), where, meaning):
        yield from each


def _is_list(text: str) -> bool:
    return text == "-" or text.startswith("@")


def _list(text: str) -> bytes:
    return _capped(sys.stdin.buffer, "stdin") if text == "-" else read(Path(text[1:]))


def _lines(
    data: bytes, where: str, meaning: Callable[[str], Sequence[Thing]]
) -> Iterator[Sequence[Thing]]:
    # One by one: the text of a long list is small beside what its lines mean.
    lines = TextIOWrapper(BytesIO(data), encoding="utf-8-sig", errors="backslashreplace")
    for number, line in enumerate(lines, 1):
        if (word := line.strip()) and not word.startswith("#"):
            try:
                yield meaning(word)
            except InputError as e:
                raise InputError(f"{where}:{number}: {e.message}", hint=e.hint) from e


def read(path: Path) -> bytes:
    """The file that an option names, 64 MiB at most; raises InputError."""
    try:
        with path.open("rb") as stream:
            return _capped(stream, str(path))
    except (OSError, ValueError) as e:  # ValueError: a null byte in the path
        reason = (isinstance(e, OSError) and e.strerror) or str(e)
        raise InputError(f"cannot read {path}: {reason}", hint="look at the file") from e


def _capped(stream: BinaryIO, where: str) -> bytes:
    data = stream.read(_MAX_LIST + 1)
    if len(data) > _MAX_LIST:
        raise InputError(f"{where} is larger than 64 MiB", hint="split the list")
    return data
