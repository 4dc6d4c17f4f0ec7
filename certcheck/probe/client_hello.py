"""A ClientHello as facts, every field of a real one in its order: read from bytes, and written."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

from certcheck.probe import extension
from certcheck.probe.extension import Extension, KeyShare, Kind
from certcheck.probe.fields import Fields, MalformedError, joined, numbers, sized
from certcheck.probe.public_key import Token, public_key

_HANDSHAKE, _CLIENT_HELLO, _MAJOR = 22, 1, 3
_FULL = 2**14  # RFC 8446 5.1: what a record holds at most
_RANDOM, _MAX_SESSION = 32, 32
_MAX_MESSAGE = 131400  # with each of its vectors as long as its length can say
_PADDED = range(256, 512)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHello:
    """All that a client says first (RFC 8446 4.1.2), in its order, by code points.

    GREASE and signalling suites are among the others as they come. `extensions` is None for a hello
    without that field, as clients of SSL 3.0 send it.
    """

    record_version: int = 0x0301
    version: int = 0x0303
    random: bytes
    session_id: bytes = b""
    suites: tuple[int, ...]
    compression_methods: tuple[int, ...] = (0,)
    extensions: tuple[Extension, ...] | None = ()

    def extension(self, kind: int) -> Extension | None:
        """The extension of that kind, if there is one."""
        return next((each for each in self.extensions or () if each.kind == kind), None)

    def numbers(self, kind: int) -> tuple[int, ...] | None:
        """What an extension lists that is a list of numbers; None when it is not sent."""
        found = self.extension(kind)
        return None if found is None else extension.numbers_in(found)

    @property
    def server_name(self) -> str | None:
        """The host that is meant."""
        found = self.extension(Kind.SERVER_NAME)
        return None if found is None else extension.name_in(found)

    @property
    def key_shares(self) -> tuple[KeyShare, ...] | None:
        """The public keys for TLS 1.3."""
        found = self.extension(Kind.KEY_SHARE)
        return None if found is None else extension.shares_in(found)

    @property
    def protocols(self) -> tuple[bytes, ...] | None:
        """What shall be spoken inside (ALPN)."""
        found = self.extension(Kind.ALPN)
        return None if found is None else extension.protocols_in(found)

    def saying(self, new: Extension) -> "ClientHello":
        """The hello with this extension, in the place of its like or at the end."""
        old = self.extensions or ()
        if self.extension(new.kind) is None:
            return replace(self, extensions=(*old, new))
        placed = tuple(new if each.kind == new.kind else each for each in old)
        return replace(self, extensions=placed)


def fresh(hello: ClientHello, token: Token = secrets.token_bytes) -> ClientHello:
    """The hello as its program says it another time: random, session and public keys anew.

    `token` makes random bytes. A key that cannot be made stays; a share that has none is left out,
    and a server that wants its group says so in a HelloRetryRequest.
    """
    session = token(len(hello.session_id))
    anew = replace(hello, random=token(_RANDOM), session_id=session)
    if hello.key_shares is None:
        return anew
    made = (
        KeyShare(group=share.group, key=public_key(share.group, token) or share.key)
        for share in hello.key_shares
    )
    return anew.saying(extension.key_share([share for share in made if share.key]))


def padded(hello: ClientHello) -> ClientHello:
    """The hello with the padding that it needs, and no other (RFC 7685).

    Some load balancers hang at a hello of 256 to 511 bytes.
    """
    if hello.extensions is None:
        return hello
    others = tuple(each for each in hello.extensions if each.kind != Kind.PADDING)
    bare = replace(hello, extensions=others)
    size = len(_message(bare))
    if size not in _PADDED:
        return bare
    # As OpenSSL does: never empty, for servers that stumble over an empty one at the end.
    missing = max(_PADDED.stop - size - 4, 1)
    return hello.saying(Extension(kind=Kind.PADDING, data=bytes(missing)))


def encoded(hello: ClientHello) -> bytes:
    """The hello in as many records as it needs."""
    message = _message(hello)
    head = bytes([_HANDSHAKE]) + hello.record_version.to_bytes(2)
    pieces = (message[at : at + _FULL] for at in range(0, len(message), _FULL))
    return b"".join(head + sized(piece, 2) for piece in pieces)


def decoded(data: bytes) -> ClientHello:
    """The hello that these records hold, whole and alone; raises MalformedError for all else."""
    record_version, message = _joined(data)
    fields = Fields(message)
    if fields.number(1) != _CLIENT_HELLO:
        raise MalformedError("the message is no ClientHello")
    body = Fields(fields.sized(3))
    fields.ended()
    hello = ClientHello(
        record_version=record_version,
        version=body.number(2),
        random=body.taken(_RANDOM),
        session_id=body.sized(1),
        suites=numbers(body.sized(2), 2),
        compression_methods=tuple(body.sized(1)),
        extensions=tuple(_extensions(body.sized(2))) if body else None,
    )
    body.ended()
    return _possible(hello)


def _message(hello: ClientHello) -> bytes:
    body = hello.version.to_bytes(2) + hello.random + sized(hello.session_id, 1)
    body += sized(joined(hello.suites, 2), 2) + sized(bytes(hello.compression_methods), 1)
    if hello.extensions is not None:
        each = (one.kind.to_bytes(2) + sized(one.data, 2) for one in hello.extensions)
        body += sized(b"".join(each), 2)
    return bytes([_CLIENT_HELLO]) + sized(body, 3)


def _joined(data: bytes) -> tuple[int, bytes]:
    # The version of the first record, and what all of them hold.
    versions, message = [], bytearray()
    records = Fields(data)
    while records:
        kind, version, size = records.number(1), records.number(2), records.number(2)
        if kind != _HANDSHAKE or version >> 8 != _MAJOR or not 0 < size <= _FULL:
            raise MalformedError("what came is no TLS record of a handshake")
        versions.append(version)
        message += records.taken(size)
        if len(message) > _MAX_MESSAGE:
            raise MalformedError("no ClientHello is that long")
    if not versions:
        raise MalformedError("nothing came")
    return versions[0], bytes(message)


def _extensions(data: bytes) -> Iterator[Extension]:
    fields, seen = Fields(data), set()
    while fields:
        kind = fields.number(2)
        if kind in seen:
            raise MalformedError(f"extension {kind} comes twice")
        seen.add(kind)
        yield extension.checked(Extension(kind=kind, data=fields.sized(2)))


def _possible(hello: ClientHello) -> ClientHello:
    if hello.version >> 8 != _MAJOR or len(hello.session_id) > _MAX_SESSION:
        raise MalformedError("no client of SSL 3.0 to TLS 1.3 has that version or session")
    if not hello.suites or not hello.compression_methods:
        raise MalformedError("no cipher suite, or no compression method, is offered")
    return hello
