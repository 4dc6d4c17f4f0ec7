"""TLS records and handshake messages made by hand, without any cryptography."""

from collections.abc import Callable, Iterator, Sequence

ALERT, HANDSHAKE, DATA = 21, 22, 23  # RFC 8446 5.1
WARNING, FATAL = 1, 2
CLOSE_NOTIFY, HANDSHAKE_FAILURE, INTERNAL_ERROR, USER_CANCELED, UNRECOGNIZED_NAME = (
    *(0, 40, 80),
    *(90, 112),
)
TLS_1_2 = b"\x03\x03"
# supported_versions, key_share: RFC 8446 4.2.1, 4.2.8; renegotiation_info: RFC 5746 3.2.
_SUPPORTED_VERSIONS, _KEY_SHARE, _RENEGOTIATION = 43, 51, 0xFF01
ALPN = 16  # RFC 7301 3.1
SUPPORTED_GROUPS = 10  # RFC 8422 5.1
EXTENDED_MASTER_SECRET = 23  # RFC 7627 5.1
# RFC 8446 4.1.3: this "random" makes a ServerHello a HelloRetryRequest.
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
_P256 = b"\x00\x17"


def sized(data: bytes, width: int) -> bytes:
    return len(data).to_bytes(width) + data


def record(kind: int, body: bytes, version: bytes = TLS_1_2) -> bytes:
    return bytes([kind]) + version + sized(body, 2)


def alert(level: int, description: int) -> bytes:
    return record(ALERT, bytes([level, description]))


def message(kind: int, body: bytes) -> bytes:
    """One handshake message in one record."""
    return record(HANDSHAKE, bytes([kind]) + sized(body, 3))


HELLO_REQUEST = message(0, b"")
DONE = message(14, b"")


def server_hello(
    *,
    version: bytes = TLS_1_2,
    suite: bytes = b"\xc0\x2b",
    session: bytes = b"",
    chosen: bytes = b"",
    random: bytes = bytes(32),
) -> bytes:
    """A ServerHello; `chosen` is the version in the extension that TLS 1.3 has for it."""
    extensions = _extension(_SUPPORTED_VERSIONS, chosen) if chosen else b""
    extensions += b"" if chosen else _extension(_RENEGOTIATION, b"\0")
    body = version + random + sized(session, 1) + suite + b"\0" + sized(extensions, 2)
    return message(2, body)


def retry(hello: bytes) -> bytes:
    """A HelloRetryRequest that wants a share for P-256."""
    extensions = _extension(_SUPPORTED_VERSIONS, b"\x03\x04") + _extension(_KEY_SHARE, _P256)
    session = sized(session_of(hello), 1)
    return message(2, TLS_1_2 + _RETRY + session + b"\x13\x01\0" + sized(extensions, 2))


def certificates(ders: Sequence[bytes]) -> bytes:
    """A Certificate message of TLS 1.2 (RFC 5246 7.4.2), in as many records as it needs."""
    entries = b"".join(sized(der, 3) for der in ders)
    whole = b"\x0b" + sized(sized(entries, 3), 3)
    pieces = (whole[at : at + 16384] for at in range(0, len(whole), 16384))
    return b"".join(record(HANDSHAKE, piece) for piece in pieces)


def session_of(hello: bytes) -> bytes:
    """The legacy_session_id of a ClientHello record (RFC 8446 4.1.2)."""
    return hello[44 : 44 + hello[43]]


def suites_of(hello: bytes) -> set[bytes]:
    """The cipher suites in a ClientHello record."""
    at = 44 + hello[43]
    end = at + 2 + int.from_bytes(hello[at : at + 2])
    return {hello[each : each + 2] for each in range(at + 2, end, 2)}


def extensions_of(hello: bytes) -> Iterator[int]:
    """The kinds of extension in a ClientHello record."""
    at = 44 + hello[43]
    at += 2 + int.from_bytes(hello[at : at + 2])
    at += 1 + hello[at] + 2
    while at + 4 <= len(hello):
        yield int.from_bytes(hello[at : at + 2])
        at += 4 + int.from_bytes(hello[at + 2 : at + 4])


def split(data: bytes) -> Iterator[bytes]:
    """The records in `data`, which holds whole ones only."""
    while data:
        size = 5 + int.from_bytes(data[3:5])
        yield data[:size]
        data = data[size:]


def received(recv: Callable[[int], bytes]) -> Iterator[bytes]:
    """The records that come in; raises EOFError when none comes any more."""
    rest = b""
    while data := recv(4096):
        rest += data
        while len(rest) >= 5 and len(rest) >= (end := _end(rest)):
            yield rest[:end]
            rest = rest[end:]
    raise EOFError


def _end(data: bytes) -> int:
    # A hello of SSLv2 has 15 bits of length after one that is set.
    if data[0] & 0x80:
        return 2 + (int.from_bytes(data[:2]) & 0x7FFF)
    return 5 + int.from_bytes(data[3:5])


def _extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2) + sized(body, 2)
