"""An answer of IMAP as values: words, strings, literals and lists (RFC 9051 4)."""

import re
from collections.abc import Sequence

from certcheck.probe.limits import ProbeError
from certcheck.probe.wire import Wire, shown

# A list is a list; NIL is None; a number is a word like others.
Value = bytes | None | list["Value"]

_LITERAL = re.compile(rb"~?\{(\d{1,9})\+?\}$")
_FREE_TEXT = re.compile(rb"\S+ (OK|NO|BAD|BYE|PREAUTH)\b|\+", re.IGNORECASE)
_PIECE = re.compile(rb' *(?:([()])|"((?:[^"\\]|\\.)*)"|([^ ()"]+)) *', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


async def logical_line(wire: Wire) -> list[bytes]:
    """A line and its literals by turns: text, literal, text, and so on; raises ProbeError."""
    pieces = [await wire.read_line()]
    free = _FREE_TEXT.match(pieces[0])  # RFC 9051 7.1: text for a person has no literals
    while not free and (open_ := _LITERAL.search(pieces[-1])):
        pieces[-1] = pieces[-1][: open_.start()]
        pieces.append(await wire.read_exactly(int(open_[1])))
        pieces.append(await wire.read_line())
    return pieces


def values(pieces: Sequence[bytes]) -> list[Value]:
    """What stands in a logical line; raises ProbeError for one that is no IMAP."""
    stack: list[list[Value]] = [[]]
    for number, piece in enumerate(pieces):
        if number % 2:
            stack[-1].append(piece)
        else:
            _read(piece, stack)
    if len(stack) != 1:
        raise _garbled(pieces[0])
    return stack[0]


def _read(text: bytes, stack: list[list[Value]]) -> None:
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if not found:
            raise _garbled(text)
        at = found.end()
        bracket, string, atom = found.groups()
        if bracket == b"(":
            stack.append([])
        elif bracket:
            _close(text, stack)
        elif string is not None:
            stack[-1].append(_ESCAPED.sub(rb"\1", string))
        else:
            stack[-1].append(None if atom.upper() == b"NIL" else atom)


def _close(text: bytes, stack: list[list[Value]]) -> None:
    if len(stack) == 1:
        raise _garbled(text)
    inner = stack.pop()
    stack[-1].append(inner)


def _garbled(text: bytes) -> ProbeError:
    return ProbeError("wrong_protocol", f"this is no IMAP: {shown(text)}")


def number(value: Value) -> int:
    """A number of at most 63 bits (RFC 9051 4.2); raises ProbeError."""
    if not isinstance(value, bytes) or not re.fullmatch(rb"\d{1,19}", value):
        raise _garbled(value if isinstance(value, bytes) else b"a list for a number")
    return int(value)


def string(value: Value) -> bytes:
    """A word or string; raises ProbeError for a list or NIL."""
    if not isinstance(value, bytes):
        raise _garbled(b"a list or NIL for a string")
    return value


def strings(value: Value) -> tuple[bytes, ...]:
    """The strings of a list; raises ProbeError for anything else."""
    if not isinstance(value, list):
        raise _garbled(b"no list where one belongs")
    return tuple(map(string, value))


def argument(text: bytes) -> tuple[bytes, bytes | None]:
    """A string as it goes out: quoted, or announced as a literal and the literal itself."""
    if re.fullmatch(rb"[\x20-\x7e]{0,500}", text):
        return b'"' + re.sub(rb'(["\\])', rb"\\\1", text) + b'"', None
    return b"{%d}" % len(text), text
