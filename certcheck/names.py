"""The one door for host names: what comes in here as text leaves as a `Hostname`, or not at all."""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable

import idna

from certcheck.errors import InputError
from certcheck.model.endpoint import Hostname

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # what inet_aton reads as (a part of) an IPv4 address
_LONGEST = 253  # RFC 1035 2.3.4, without the final dot
_LONGEST_LABEL = 63  # RFC 1035 2.3.4
_READ = 4096  # characters; no name of 253 octets is written with more
_DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))  # UTS 46 4.5
_ENCODED = "xn--"  # the prefix of an A-label (RFC 5890 2.3.2.5)
_JOINERS = "\u200c\u200d"  # they may stand between some letters only (RFC 5892 A.1, A.2)

_PLAIN = "letters, digits and hyphens, with dots between labels"
_AS_IN_DNS = "write the name as it stands in DNS"


def hostname(text: str, *, wildcard: bool = False) -> Hostname:
    """The host name or IP address that `text` is; one trailing dot is dropped.

    Unicode goes through IDNA 2008 with UTS 46 mapping, non-transitional, so that `straße` stays
    itself; `xn--` must be what that gives. With `wildcard`, a first label `*` is allowed. Raises
    InputError.
    """
    literal = _address(text)
    if literal:
        return literal
    if len(text) > _READ:
        raise _bad(text, f"has more than {_LONGEST} octets", _AS_IN_DNS)
    name = text.translate(_DOTS).removesuffix(".")
    _refuse_hidden_address(name, shown=text)
    star = wildcard and name.startswith("*.")
    encoded = _encode(name.removeprefix("*.") if star else name, shown=text)
    _refuse_hidden_address(encoded, shown=text)
    prefix = "*." if star else ""
    return Hostname(ascii=prefix + encoded, unicode=prefix + _decode(encoded))


def covers(pattern: str, name: str) -> bool:
    """Whether a certificate name covers a host name: equal, or `*` as the whole first label.

    RFC 9525 6.3: the wildcard stands for exactly one label, never for a part of an IP address
    (6.4). Both are ASCII.
    """
    return covering((pattern,))(name)


def covering(patterns: Iterable[str]) -> Callable[[str], bool]:
    """The same for all names of a certificate, to ask for very many host names."""
    exact = {pattern.lower().removesuffix(".") for pattern in patterns}
    parents = {pattern[2:] for pattern in exact if pattern.startswith("*.")}

    def covered(name: str) -> bool:
        plain = name.lower().removesuffix(".")
        head, _, parent = plain.partition(".")
        return plain in exact or (bool(head) and parent in parents and not _address(plain))

    return covered


def _address(text: str) -> Hostname | None:
    bracketed = text.startswith("[") and text.endswith("]")
    bare = text[1:-1] if bracketed else text
    if "%" in bare or (bracketed and ":" not in bare):  # brackets are for IPv6 (RFC 3986 3.2.2)
        return None
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return Hostname(ascii=str(address), unicode=str(address), is_ip=True)


def _refuse_hidden_address(name: str, *, shown: str) -> None:
    # Resolvers and mapped digits would make an address of it behind everyone's back.
    bare, zoned, _ = name.removeprefix("[").partition("%")
    if zoned and _address(bare):
        # RFC 4007 11: the text behind % is an interface of the one machine that it is said on.
        raise _bad(shown, "has a zone, which no other machine knows", "leave out %ZONE")
    plain = _in_plain_digits(name)
    if _address(plain) or _NUMBER.fullmatch(plain.rpartition(".")[2]):
        raise _bad(
            shown, "reads as an IP address in another form", "write the address in plain digits"
        )


def _in_plain_digits(name: str) -> str:
    composed = unicodedata.normalize("NFKC", name)
    digits = (str(unicodedata.digit(each, each)) for each in composed)
    return "".join(digits).translate(_DOTS).lower()


def _encode(name: str, *, shown: str) -> str:
    mapped = name.lower()
    try:
        if not name.isascii():
            mapped = idna.uts46_remap(name, std3_rules=False)
        labels = [_a_label(each) for each in mapped.split(".")]
    except idna.IDNAError as e:
        raise _bad(shown, *_fault(mapped, e)) from e
    if not all(map(_LABEL.fullmatch, labels)):
        raise _bad(shown, *_fault(mapped))
    encoded = ".".join(labels)
    if len(encoded) > _LONGEST:
        raise _bad(shown, f"has more than {_LONGEST} octets", _AS_IN_DNS)
    return encoded


def _a_label(label: str) -> str:
    if not label.isascii():
        return idna.alabel(label).decode()
    if label.startswith(_ENCODED):
        idna.ulabel(label)  # raises for what no encoding gives (RFC 5891 5.4)
    return label


def _fault(name: str, error: idna.IDNAError | None = None) -> tuple[str, str]:
    # What is wrong, and what to write instead; idna's own words quote the name as it is.
    if not name:
        return "is empty", "name a host"
    if "*" in name:
        return "has a wildcard", "`*` stands in certificates only, for the whole first label"
    joined = isinstance(error, idna.InvalidCodepointContext)
    for each in name:
        if (each in _JOINERS and joined) or _stands_nowhere(each):
            return f"has {_called(each)} in it", _PLAIN
    for label in name.split("."):
        if why := _label_fault(label):
            return why
    if isinstance(error, idna.IDNABidiError):
        return "mixes directions of writing (RFC 5893)", _AS_IN_DNS
    return "is no host name by IDNA 2008 (RFC 5891)", _AS_IN_DNS


def _label_fault(label: str) -> tuple[str, str] | None:
    if not label:
        return "has an empty label", "one dot between labels, none in front"
    if label.startswith("-") or label.endswith("-"):
        return f"has a label that begins or ends with a hyphen: {_short(label)}", _PLAIN
    size = len(label) if label.isascii() else len(_ENCODED) + len(label.encode("punycode"))
    if size > _LONGEST_LABEL:
        return f"has a label of more than {_LONGEST_LABEL} octets", _AS_IN_DNS
    if label.startswith(_ENCODED) and not _is_name(label):
        return f"has a label that encodes no name: {_short(label)}", _AS_IN_DNS
    return None


def _is_name(label: str) -> bool:
    try:
        return bool(_a_label(label))
    except idna.IDNAError:
        return False


def _stands_nowhere(character: str) -> bool:
    if character.isascii():
        return not (character.isalnum() or character in "._-")
    try:
        idna.encode(character, uts46=True)
    except idna.InvalidCodepoint:
        return True
    except UnicodeError:
        return False  # it may stand in company
    return False


def _called(character: str) -> str:
    if character.isascii() and character.isprintable():
        return f"'{character}'"
    name = unicodedata.name(character, "an unprintable character").lower()
    return f"U+{ord(character):04X} ({name})"


def _decode(name: str) -> str:
    return ".".join(
        idna.ulabel(label) if label.startswith(_ENCODED) else label for label in name.split(".")
    )


def _bad(text: str, why: str, hint: str) -> InputError:
    return InputError(f"host name {_short(text)} {why}", hint=hint)


def _short(text: str) -> str:
    return ascii(text) if len(text) <= _LONGEST else ascii(text[:60]) + "…"
