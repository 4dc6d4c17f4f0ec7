"""Extensions of a ClientHello: the known ones as what they say, all others as they come."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from certcheck.probe.fields import Fields, MalformedError, joined, numbers, sized, vector


class Kind(IntEnum):
    """Those that are read or made here (IANA, "TLS ExtensionType Values")."""

    SERVER_NAME = 0
    SUPPORTED_GROUPS = 10
    EC_POINT_FORMATS = 11
    SIGNATURE_ALGORITHMS = 13
    ALPN = 16
    PADDING = 21
    EXTENDED_MASTER_SECRET = 23
    COMPRESS_CERTIFICATE = 27
    DELEGATED_CREDENTIAL = 34
    SUPPORTED_VERSIONS = 43
    PSK_KEY_EXCHANGE_MODES = 45
    SIGNATURE_ALGORITHMS_CERT = 50
    KEY_SHARE = 51
    RENEGOTIATION_INFO = 0xFF01


# Of those that are one list of numbers: the bytes of the list's length, and of each number.
_LISTS: Mapping[int, tuple[int, int]] = {
    Kind.SUPPORTED_GROUPS: (2, 2),  # RFC 8446 4.2.7
    Kind.EC_POINT_FORMATS: (1, 1),  # RFC 8422 5.1.2
    Kind.SIGNATURE_ALGORITHMS: (2, 2),  # RFC 8446 4.2.3
    Kind.COMPRESS_CERTIFICATE: (1, 2),  # RFC 8879 3
    Kind.DELEGATED_CREDENTIAL: (2, 2),  # RFC 9345 4.1.1
    Kind.SUPPORTED_VERSIONS: (1, 2),  # RFC 8446 4.2.1
    Kind.PSK_KEY_EXCHANGE_MODES: (1, 1),  # RFC 8446 4.2.9
    Kind.SIGNATURE_ALGORITHMS_CERT: (2, 2),  # RFC 8446 4.2.3
}
_HOST_NAME = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """One extension by its number, with its data as they are sent."""

    kind: int
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyShare:
    """A public key for one group (RFC 8446 4.2.8)."""

    group: int
    key: bytes = b""


def number_list(kind: int, values: Sequence[int]) -> Extension:
    """One of those that are a list of numbers; GREASE is a number like others (RFC 8701)."""
    length, width = _LISTS[kind]
    return Extension(kind=kind, data=sized(joined(values, width), length))


def numbers_in(extension: Extension) -> tuple[int, ...]:
    """What such a one lists; raises MalformedError."""
    length, width = _LISTS[extension.kind]
    return numbers(vector(extension.data, length), width)


def server_name(name: str) -> Extension:
    """The host that is meant, in ASCII (RFC 6066 3)."""
    host = bytes([_HOST_NAME]) + sized(name.encode("ascii"), 2)
    return Extension(kind=Kind.SERVER_NAME, data=sized(host, 2))


def name_in(extension: Extension) -> str:
    """The host of a server_name; raises MalformedError, also for other kinds of names."""
    entries = Fields(vector(extension.data, 2))
    kind, name = entries.number(1), entries.sized(2)
    entries.ended()
    if kind != _HOST_NAME or not name.isascii():
        raise MalformedError("the server name is no host name in ASCII")
    return name.decode("ascii")


def key_share(shares: Sequence[KeyShare]) -> Extension:
    """Public keys, each for its group."""
    entries = (share.group.to_bytes(2) + sized(share.key, 2) for share in shares)
    return Extension(kind=Kind.KEY_SHARE, data=sized(b"".join(entries), 2))


def shares_in(extension: Extension) -> tuple[KeyShare, ...]:
    """The shares of a key_share; raises MalformedError."""
    entries = Fields(vector(extension.data, 2))
    found = []
    while entries:
        found.append(KeyShare(group=entries.number(2), key=entries.sized(2)))
    return tuple(found)


def alpn(protocols: Sequence[bytes]) -> Extension:
    """What shall be spoken inside, best first (RFC 7301 3.1)."""
    names = b"".join(sized(each, 1) for each in protocols)
    return Extension(kind=Kind.ALPN, data=sized(names, 2))


def protocols_in(extension: Extension) -> tuple[bytes, ...]:
    """The protocols of an ALPN extension; raises MalformedError."""
    entries = Fields(vector(extension.data, 2))
    found = []
    while entries:
        found.append(entries.sized(1))
    return tuple(found)


_READERS: Mapping[int, Callable[[Extension], object]] = {
    **dict.fromkeys(_LISTS, numbers_in),
    Kind.SERVER_NAME: name_in,
    Kind.KEY_SHARE: shares_in,
    Kind.ALPN: protocols_in,
}


def checked(extension: Extension) -> Extension:
    """The extension, unless it is a known one that cannot be read: then raises MalformedError."""
    if extension.kind in _READERS:
        try:
            _READERS[extension.kind](extension)
        except MalformedError as e:
            raise MalformedError(f"extension {extension.kind}: {e}") from e
    return extension
