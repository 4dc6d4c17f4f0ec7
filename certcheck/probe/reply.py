"""What a server says to a hello, as far as it comes in clear: its choice, or its alert."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from certcheck.probe.fields import Fields, MalformedError, vector

_RECORD = 5  # RFC 8446 5.1: type, version, length
_RECORDS = range(20, 24)
_MAJOR = 3
_MESSAGE = 4  # RFC 8446 4: type, length
_ALERT, _HANDSHAKE = 21, 22
_SERVER_HELLO, _CERTIFICATE, _SERVER_KEY_EXCHANGE, _SERVER_HELLO_DONE = 2, 11, 12, 14
_MAX_RECORD = 2**14 + 2048  # RFC 5246 6.2.3
_MAX_HELLO, _MAX_MESSAGE = 4096, 2**18
_MAX_RECORDS = _MAX_MESSAGE // 64  # RFC 8449 4: nobody can ask for smaller ones
_MAX_CERTIFICATES = 100
_FATAL, _CLOSE_NOTIFY = 2, 0
_SUPPORTED_VERSIONS, _KEY_SHARE = 43, 51
_NAMED_CURVE = 3  # RFC 8422 5.4
_TLS12 = 0x0303
# RFC 8446 4.1.3: a ServerHello with this "random" is a HelloRetryRequest.
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


class UnreadableReplyError(Exception):
    """What came is no answer of TLS to a hello; the text says what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A server's choice by code point, or the number of its alert.

    `group` comes with a key share or a HelloRetryRequest (`retry`), and below TLS 1.3 with the key
    exchange, if at all; `certificates` (DER, as they are sent) come below TLS 1.3 only.
    `taken_back` is the alert that follows a choice. `complete` says that nothing more of use comes
    in clear.
    """

    version: int = 0
    suite: int = 0
    group: int | None = None
    retry: bool = False
    certificates: tuple[bytes, ...] = ()
    alert: int | None = None
    taken_back: int | None = None
    complete: bool = False


def reply(data: bytes) -> Reply | None:
    """The reply in the bytes so far; None when they hold none yet. Raises UnreadableReplyError."""
    messages, alert = _joined(data)
    try:
        found = _choice(messages)
    except MalformedError as e:
        raise UnreadableReplyError(f"a message is malformed: {e}") from e
    if found is None:
        return None if alert is None else Reply(alert=alert, complete=True)
    return found if found.complete else replace(found, taken_back=alert)


def _joined(data: bytes) -> tuple[bytes, int | None]:
    # All handshake bytes in a row, and the alert that ended them: a fatal one, or close_notify,
    # by which Courier refuses before it goes on in plain text.
    messages = bytearray()
    at = count = 0
    while at + _RECORD <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 3 : at + _RECORD])
        if kind not in _RECORDS or data[at + 1] != _MAJOR or size > _MAX_RECORD:
            raise UnreadableReplyError("what came is no TLS record")
        count += 1
        if count > _MAX_RECORDS:
            raise UnreadableReplyError("the records are many and tiny")
        body = data[at + _RECORD : at + _RECORD + size]
        at += _RECORD + size
        if kind == _HANDSHAKE:
            messages += body
        elif kind != _ALERT:
            break  # the rest is encrypted
        elif body[1:] and (body[0] == _FATAL or body[1] == _CLOSE_NOTIFY):
            return bytes(messages), body[1]
    return bytes(messages), None


def _choice(messages: bytes) -> Reply | None:
    found = None
    for kind, body in _messages(messages):
        found = _server_hello(body) if found is None else _more(found, kind, body)
        if found.complete:
            break
    return found


def _more(found: Reply, kind: int, body: bytes) -> Reply:
    if kind == _CERTIFICATE:
        return replace(found, certificates=_certificates(body))
    if kind == _SERVER_KEY_EXCHANGE:
        return replace(found, group=_curve(body), complete=True)
    return replace(found, complete=True) if kind == _SERVER_HELLO_DONE else found


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    # Those that have come whole; the first must be a ServerHello.
    at = 0
    while at + _MESSAGE <= len(data):
        kind, size = data[at], int.from_bytes(data[at + 1 : at + _MESSAGE])
        if at == 0 and (kind != _SERVER_HELLO or size > _MAX_HELLO):
            raise UnreadableReplyError(f"the first message is of type {kind} and {size} bytes")
        if size > _MAX_MESSAGE:
            raise UnreadableReplyError(f"a message of type {kind} has {size} bytes")
        at += _MESSAGE + size
        if at > len(data):
            return
        yield kind, data[at - size : at]


def _server_hello(body: bytes) -> Reply:
    # RFC 8446 4.1.3: version, random, session, suite, compression, extensions.
    fields = Fields(body)
    version, random, _ = fields.number(2), fields.taken(32), fields.sized(1)
    suite, _ = fields.number(2), fields.number(1)
    said = dict(_extensions(fields.sized(2))) if fields else {}
    fields.ended()
    if _SUPPORTED_VERSIONS in said:
        version = Fields(said[_SUPPORTED_VERSIONS]).number(2)
    return Reply(
        version=version,
        suite=suite,
        group=Fields(said[_KEY_SHARE]).number(2) if _KEY_SHARE in said else None,
        retry=random == _RETRY,
        complete=version > _TLS12,
    )


def _extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    fields = Fields(data)
    while fields:
        yield fields.number(2), fields.sized(2)


def _certificates(body: bytes) -> tuple[bytes, ...]:
    # RFC 5246 7.4.2
    fields, found = Fields(vector(body, 3)), []
    while fields:
        found.append(fields.sized(3))
        if len(found) > _MAX_CERTIFICATES or not found[-1]:
            raise MalformedError("an empty certificate, or more of them than any client takes")
    return tuple(found)


def _curve(body: bytes) -> int | None:
    fields = Fields(body)
    return fields.number(2) if fields.number(1) == _NAMED_CURVE else None
