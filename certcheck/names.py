"""The one door for host names: what comes in here as text leaves as a `Hostname`, or not at all."""

import ipaddress
import re

import idna

from certcheck.errors import InputError
from certcheck.model.endpoint import Hostname

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # what inet_aton reads as (a part of) an IPv4 address
_MAX = 253  # RFC 1035 2.3.4, without the final dot


def hostname(text: str, *, wildcard: bool = False) -> Hostname:
    """The host name or IP address that `text` is; one trailing dot is dropped.

    Unicode goes through IDNA 2008 with UTS 46 mapping, non-transitional, so that `straße` stays
    itself. With `wildcard`, a first label `*` is allowed. Raises InputError.
    """
    literal = _address(text)
    if literal:
        return literal
    name = text.removesuffix(".")
    star = wildcard and name.startswith("*.")
    encoded = _encode(name.removeprefix("*.") if star else name, shown=text)
    if _address(encoded) or _NUMBER.fullmatch(encoded.rpartition(".")[2]):
        raise _bad(
            text, "reads as an IP address in another form", "write the address in plain digits"
        )
    prefix = "*." if star else ""
    return Hostname(ascii=prefix + encoded, unicode=prefix + _decode(encoded))


def covers(pattern: str, name: str) -> bool:
    """Whether a certificate name covers a host name: equal, or `*` as the whole first label.

    RFC 9525 6.3: the wildcard stands for exactly one label, never for a part of an IP address
    (6.4). Both are ASCII.
    """
    pattern, name = pattern.lower().removesuffix("."), name.lower().removesuffix(".")
    if pattern == name or _address(name):
        return pattern == name
    head, _, parent = name.partition(".")
    return pattern.startswith("*.") and bool(head) and pattern[2:] == parent


def _address(text: str) -> Hostname | None:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "%" in bare:  # a zone (RFC 4007 11) may hold any character, and means nothing elsewhere
        return None
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return Hostname(ascii=str(address), unicode=str(address), is_ip=True)


def _encode(name: str, *, shown: str) -> str:
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, transitional=False).decode()
        except idna.IDNAError as e:
            raise _bad(shown, str(e), "write the name as it stands in DNS") from e
    name = name.lower()
    wrong = next((label for label in name.split(".") if not _LABEL.fullmatch(label)), None)
    if wrong is not None or len(name) > _MAX:
        why = (
            "is longer than 253 characters" if wrong is None else f"has a bad label {wrong[:70]!r}"
        )
        raise _bad(shown, why, "letters, digits and hyphens, with dots between labels")
    return name


def _decode(name: str) -> str:
    try:
        return idna.decode(name) if "xn--" in name else name
    except idna.IDNAError:
        return name


def _bad(text: str, why: str, hint: str) -> InputError:
    shown = ascii(text) if len(text) <= _MAX else ascii(text[:60]) + "…"
    return InputError(f"host name {shown} {why}", hint=hint)
