"""Servers with the holes of 2014 and 2017: before a sound TLS library stands one that leaks."""

import functools
import itertools
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certcheck.lab.pki import Identity
from tests.zoo import records
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.tampering import tampered

_CHANGE_CIPHER_SPEC, _HEARTBEAT = 20, 24
_HEARTBEAT_RESPONSE = 2  # RFC 6520 3
_CLIENT_KEY_EXCHANGE = 16
_BAD_RECORD_MAC = 20
_MASTER_SECRET = 48


class Hole(Protocol):
    """What a hole answers to a record, given by type and body; None where the library answers."""

    def __call__(self, kind: int, body: bytes) -> bytes | None: ...


class _Leaking:
    """As much of a socket as a TLS library in memory needs, with a hole between it and the wire."""

    def __init__(self, sock: socket.socket, hole: Hole) -> None:
        self._records, self._hole = records.received(sock.recv), hole
        self.sendall, self.close, self.setsockopt = sock.sendall, sock.close, sock.setsockopt

    def recv(self, _: int) -> bytes:
        """The next record that the hole leaves to the library."""
        while True:
            record = next(self._records)
            answer = self._hole(record[0], record[5:])
            if answer is None:
                return record
            self.sendall(answer)


def with_hole(context: ssl.SSLContext, hole: Callable[[], Hole]) -> Behaviour:
    """An IMAP server of implicit TLS with a hole, of which each connection has one of its own."""
    sound = tampered("imap", lambda: context, lambda _, data: iter((data,)))

    def behaviour(visitor: Visitor) -> None:
        visitor.sock = _Leaking(visitor.sock, hole())  # type: ignore[assignment]  # all that is used
        sound(visitor)

    return behaviour


def heartbleed() -> Hole:
    """A heartbeat comes back with more than was sent (CVE-2014-0160)."""
    memory = bytes([_HEARTBEAT_RESPONSE]) + records.sized(b"\x01" * 64, 2)
    answer = records.record(_HEARTBEAT, memory)
    return lambda kind, body: answer if kind == _HEARTBEAT and body else None


def ccs_injection() -> Hole:
    """A ChangeCipherSpec is obeyed before there is a key (CVE-2014-0224)."""
    keyed = early = False

    def hole(kind: int, body: bytes) -> bytes | None:
        nonlocal keyed, early
        keyed |= kind == records.HANDSHAKE and body[0] == _CLIENT_KEY_EXCHANGE
        early |= kind == _CHANGE_CIPHER_SPEC and not keyed
        if not early:
            return None
        return records.alert(records.FATAL, _BAD_RECORD_MAC) if kind == records.DATA else b""

    return hole


def strong_robot(identity: Identity) -> Callable[[], Hole]:
    """A key exchange that does not begin as it should gets an alert of its own (CVE-2017-13099)."""
    return functools.partial(_robot, _key(identity), _begins_well)


def weak_robot(identity: Identity) -> Callable[[], Hole]:
    """The same, but only one that is padded well in all of its length escapes the alert."""
    return functools.partial(_robot, _key(identity), _is_padded_well)


def moody_robot(identity: Identity) -> Callable[[], Hole]:
    """Every other key exchange with wrong padding gets the alert."""
    turn = itertools.count()
    return functools.partial(
        _robot, _key(identity), lambda padded: _is_padded_well(padded) or next(turn) % 2 > 0
    )


def _robot(key: RSAPrivateKey, good: Callable[[bytes], bool]) -> Hole:
    private, modulus = key.private_numbers().d, key.public_key().public_numbers().n
    keyed = False

    def hole(kind: int, body: bytes) -> bytes | None:
        nonlocal keyed
        if keyed or kind != records.HANDSHAKE or body[0] != _CLIENT_KEY_EXCHANGE:
            return None
        keyed = True
        padded = pow(int.from_bytes(body[6:]), private, modulus).to_bytes(key.key_size // 8)
        return None if good(padded) else records.alert(records.FATAL, records.HANDSHAKE_FAILURE)

    return hole


def _begins_well(padded: bytes) -> bool:
    return padded[:2] == b"\x00\x02"  # RFC 8017 7.2.1


def _is_padded_well(padded: bytes) -> bool:
    return _begins_well(padded) and padded[-1 - _MASTER_SECRET] == 0


def _key(identity: Identity) -> RSAPrivateKey:
    key = load_pem_private_key(identity.key, None)
    assert isinstance(key, RSAPrivateKey)
    return key
