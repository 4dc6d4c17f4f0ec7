"""The fields of TLS messages, numbers and vectors (RFC 8446 3): read within bounds, and written."""

import struct
from collections.abc import Sequence

_FORMATS = {1: "B", 2: "H"}


class MalformedError(Exception):
    """A message is not what its own lengths say, or not what it is taken for."""


class Fields:
    """What is left of a message; who reads more than there is gets a MalformedError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._data)

    def taken(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self._at + size
        if end > len(self._data):
            raise MalformedError(f"{size} bytes are promised, {len(self._data) - self._at} come")
        start, self._at = self._at, end
        return self._data[start:end]

    def number(self, width: int) -> int:
        """The next number of so many bytes."""
        return int.from_bytes(self.taken(width))

    def sized(self, width: int) -> bytes:
        """The next vector, behind its length of so many bytes."""
        return self.taken(self.number(width))

    def ended(self) -> None:
        """Raises MalformedError when anything is left."""
        if self:
            raise MalformedError(f"{len(self._data) - self._at} bytes too many")


def vector(data: bytes, width: int) -> bytes:
    """The one vector that `data` consists of; raises MalformedError."""
    fields = Fields(data)
    inside = fields.sized(width)
    fields.ended()
    return inside


def numbers(data: bytes, width: int) -> tuple[int, ...]:
    """All numbers of so many bytes in a row; raises MalformedError."""
    if len(data) % width:
        raise MalformedError(f"{len(data)} bytes are no list of numbers of {width}")
    return tuple(int.from_bytes(data[at : at + width]) for at in range(0, len(data), width))


def sized(data: bytes, width: int) -> bytes:
    """A vector behind its length of so many bytes."""
    return len(data).to_bytes(width) + data


def joined(values: Sequence[int], width: int) -> bytes:
    """Numbers of one byte or two in a row."""
    return struct.pack(f"!{len(values)}{_FORMATS[width]}", *values)
