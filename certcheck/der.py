"""DER where cryptography is stricter than the programs that connect: read loosely, never judged."""

from collections.abc import Iterator
from dataclasses import dataclass

_VERSION, _UTF8_STRING, _PRINTABLE_STRING = 0xA0, 0x0C, 0x13
_LONG = 0x80  # X.690 8.1.3.5: the length stands in the bytes that follow


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    at: int
    start: int
    end: int


def to_be_signed(der: bytes) -> bytes:
    """The part of a certificate that its signature is made over; raises ValueError."""
    whole = _element(der, 0)
    inner = _element(der, whole.start)
    return der[inner.at : inner.end]


def with_loose_strings(der: bytes) -> bytes:
    """The certificate with each PrintableString in its two names called a UTF8String.

    An asterisk, an underscore or an at sign is not allowed in the former, and found there all the
    same: cryptography then refuses the whole certificate, OpenSSL shows it. Raises ValueError.
    """
    changed = bytearray(der)
    for name in _names(der):
        for relative in _inside(der, name):
            for attribute in _inside(der, relative):
                for each in _inside(der, attribute):
                    if each.tag == _PRINTABLE_STRING:
                        changed[each.at] = _UTF8_STRING
    return bytes(changed)


def _names(der: bytes) -> tuple[_Element, _Element]:
    # RFC 5280 4.1: version (may be left out), serial number, algorithm, issuer, dates, subject.
    fields = list(_inside(der, _element(der, _element(der, 0).start)))
    fields = fields[1:] if fields and fields[0].tag == _VERSION else fields
    if len(fields) < 5:  # noqa: PLR2004 - as above
        raise ValueError("a certificate without a subject")
    return fields[2], fields[4]


def _inside(der: bytes, outer: _Element) -> Iterator[_Element]:
    at = outer.start
    while at < outer.end:
        found = _element(der, at)
        yield found
        at = found.end


def _element(der: bytes, at: int) -> _Element:
    head = der[at : at + 2]
    if len(head) < 2:  # noqa: PLR2004 - tag and length
        raise ValueError("DER ends in the midst of an element")
    start, size = at + 2, head[1]
    if size >= _LONG:
        start += size - _LONG
        size = int.from_bytes(der[at + 2 : start])
    if start + size > len(der):
        raise ValueError("DER ends in the midst of an element")
    return _Element(head[0], at, start, start + size)
