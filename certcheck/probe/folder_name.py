r"""Names of IMAP folders: modified UTF-7 to Unicode and back (RFC 3501 5.1.3).

Every name comes back as the bytes that it was. What is no modified UTF-7, or not in its one right
form, keeps its printable ASCII, and each other byte and each `&` stands as `\xNN`.
"""

import base64
import binascii
import re

_SHIFTED = re.compile(r"&([^-]*)-")
_OTHER = re.compile("[^\x20-\x7e]+")
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")
# A backslash that would be taken for the beginning of an escape is written as one.
_AMBIGUOUS = re.compile(r"\\(?=x[0-9a-f]{2})")


def unicode(raw: bytes) -> str:
    """The name as a person reads it; never raises."""
    try:
        text = _SHIFTED.sub(_decoded, raw.decode("ascii"))
    except (UnicodeError, binascii.Error):
        return _as_bytes(raw)
    text = _AMBIGUOUS.sub(r"\\x5c", text)
    return text if wire(text) == raw else _as_bytes(raw)


def wire(text: str) -> bytes:
    r"""The name as it goes to a server, from what `unicode` made of it."""
    pieces = _ESCAPE.split(text)  # plain, two digits, plain, ...
    return b"".join(bytes.fromhex(p) if n % 2 else _encoded(p) for n, p in enumerate(pieces))


def _as_bytes(raw: bytes) -> str:
    text = _AMBIGUOUS.sub(r"\\x5c", raw.decode("latin-1"))
    return re.sub("[^\x20-\x7e]|&", lambda found: f"\\x{ord(found[0]):02x}", text)


def _decoded(found: re.Match[str]) -> str:
    if not found[1]:
        return "&"
    padded = found[1].replace(",", "/") + "=" * (-len(found[1]) % 4)
    return base64.b64decode(padded, validate=True).decode("utf-16-be")


def _encoded(text: str) -> bytes:
    return _OTHER.sub(_shifted, text.replace("&", "&-")).encode("ascii")


def _shifted(found: re.Match[str]) -> str:
    coded = base64.b64encode(found[0].encode("utf-16-be")).decode("ascii")
    return f"&{coded.rstrip('=').replace('/', ',')}-"
