"""What a server says to a hello, as far as it comes in clear: its choice, or its alert."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

_RECORD = 5  # RFC 8446 5.1: type, version, length
_RECORDS = range(20, 24)
_MAJOR = 3
_MESSAGE = 4  # RFC 8446 4: type, length
_ALERT, _HANDSHAKE = 21, 22
_SERVER_HELLO, _SERVER_KEY_EXCHANGE, _SERVER_HELLO_DONE = 2, 12, 14
_MAX_RECORD = 2**14 + 2048  # RFC 5246 6.2.3
_MAX_HELLO = 4096
_FATAL, _CLOSE_NOTIFY = 2, 0
_SUPPORTED_VERSIONS, _KEY_SHARE = 43, 51
_NAMED_CURVE = 3  # RFC 8422 5.4
_TLS12 = 0x0303


class UnreadableReplyError(Exception):
    """What came is no answer of TLS to a hello; the text says what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A server's choice by code point, or the number of its alert.

    `group` comes with a HelloRetryRequest, and below TLS 1.3 with the key exchange, if at all.
    `complete` says that nothing more of use comes in clear.
    """

    version: int = 0
    suite: int = 0
    group: int | None = None
    alert: int | None = None
    complete: bool = False


def reply(data: bytes) -> Reply | None:
    """The reply in the bytes so far; None when they hold none yet. Raises UnreadableReplyError."""
    messages, alert = _joined(data)
    found = None
    for kind, body in _messages(messages):
        if found is None:
            found = _server_hello(body)
        elif kind == _SERVER_KEY_EXCHANGE:
            return replace(found, group=_curve(body), complete=True)
        elif kind == _SERVER_HELLO_DONE:
            return replace(found, complete=True)
    if found is None and alert is not None:
        return Reply(alert=alert, complete=True)
    return found


def _joined(data: bytes) -> tuple[bytes, int | None]:
    # All handshake bytes in a row, and the alert that ended them: a fatal one, or close_notify,
    # by which Courier refuses before it goes on in plain text.
    messages = bytearray()
    at = 0
    while at + _RECORD <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 3 : at + _RECORD])
        if kind not in _RECORDS or data[at + 1] != _MAJOR or size > _MAX_RECORD:
            raise UnreadableReplyError("what came is no TLS record")
        body = data[at + _RECORD : at + _RECORD + size]
        at += _RECORD + size
        if kind == _HANDSHAKE:
            messages += body
        elif kind != _ALERT:
            break  # the rest is encrypted
        elif body[1:] and (body[0] == _FATAL or body[1] == _CLOSE_NOTIFY):
            return bytes(messages), body[1]
    return bytes(messages), None


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    # Those that have come whole; the first must be a ServerHello.
    at = 0
    while at + _MESSAGE <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 1 : at + _MESSAGE])
        if at == 0 and (kind != _SERVER_HELLO or size > _MAX_HELLO):
            raise UnreadableReplyError(f"the first message is of type {kind} and {size} bytes")
        at += _MESSAGE + size
        if at > len(data):
            return
        yield kind, data[at - size : at]


def _server_hello(body: bytes) -> Reply:
    # RFC 8446 4.1.3: version, random, session, suite, compression, extensions.
    at = 35 + body[34] if len(body) > 34 else len(body)  # noqa: PLR2004 - as above
    if len(body) < at + 3:
        raise UnreadableReplyError("the ServerHello is too short")
    version, suite = int.from_bytes(body[:2]), int.from_bytes(body[at : at + 2])
    group = None
    for kind, value in _extensions(body[at + 5 :]):
        if kind == _SUPPORTED_VERSIONS:
            version = int.from_bytes(value)
        elif kind == _KEY_SHARE:
            group = int.from_bytes(value[:2])
    return Reply(version=version, suite=suite, group=group, complete=version > _TLS12)


def _extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at + 2 : at + 4])
        yield int.from_bytes(data[at : at + 2]), data[at + 4 : at + 4 + size]
        at += 4 + size


def _curve(body: bytes) -> int | None:
    return int.from_bytes(body[1:3]) if body[:1] == bytes([_NAMED_CURVE]) else None
