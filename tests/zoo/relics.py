"""A TLS server by hand, as they were in 2009: it does what no TLS library of today can do."""

import functools
import hashlib
import hmac
import os
import ssl
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certcheck.lab.pki import Identity
from tests.zoo import records
from tests.zoo.keeper import Visitor
from tests.zoo.once import once

_SUITE = b"\x00\x2f"  # TLS_RSA_WITH_AES_128_CBC_SHA, RFC 5246 A.5
_DEFLATE = b"\1"  # RFC 3749 2
_IS_SECURE = b"\0\5\xff\1\0\1\0"  # an empty renegotiation_info, RFC 5746 3.6
_TLS_1_1 = b"\3\2"
_CHANGE_CIPHER_SPEC = 20
_UNEXPECTED = bytes([records.FATAL, 10])
_NO_RENEGOTIATION = bytes([records.WARNING, 100])
_MAC, _KEY, _BLOCK = 20, 16, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Relic:
    """An IMAP server of TLS 1.1 and 1.2 with one suite, which does not know TLS_FALLBACK_SCSV.

    It `compresses` if asked to; one that `is_secure` knows RFC 5746, but never renegotiates.
    """

    identity: Identity
    compresses: bool = False
    is_secure: bool = True

    def __call__(self, visitor: Visitor) -> None:
        incoming = records.received(visitor.sock.recv)
        hello = next(incoming)
        version, suites, methods = _offered(hello)
        if version < _TLS_1_1 or _SUITE not in suites:
            visitor.say(records.alert(records.FATAL, records.HANDSHAKE_FAILURE))
            return
        compresses = self.compresses and _DEFLATE in methods
        try:
            ours = self._shaken(visitor, incoming, hello, version, compresses=compresses)
        except ValueError:
            visitor.say(records.record(records.ALERT, _UNEXPECTED, version))
            return
        visitor.say(ours.sealed(records.DATA, b"* OK relic\r\n"))
        while next(incoming)[0] == records.HANDSHAKE:
            visitor.say(ours.sealed(records.ALERT, _NO_RENEGOTIATION))

    def _shaken(
        self,
        visitor: Visitor,
        incoming: Iterator[bytes],
        hello: bytes,
        version: bytes,
        *,
        compresses: bool,
    ) -> "_Side":
        """The server's direction, after a full handshake (RFC 5246 7.3); raises ValueError."""
        random = os.urandom(32)
        method = _DEFLATE if compresses else b"\0"
        extensions = _IS_SECURE if self.is_secure else b""
        certificate = ssl.PEM_cert_to_DER_cert(self.identity.certificate.decode())
        flight = (
            _message(2, version + random + b"\0" + _SUITE + method + extensions),
            _message(11, records.sized(records.sized(certificate, 3), 3)),
            _message(14, b""),
        )
        for each in flight:
            visitor.say(records.record(records.HANDSHAKE, each, version))
        exchange = _body(next(incoming), records.HANDSHAKE)
        premaster = _premaster(self.identity, exchange[6:])
        secret = _Secret(version, premaster, hello[11:43], random)
        theirs, ours = secret.sides(compresses=compresses)
        _body(next(incoming), _CHANGE_CIPHER_SPEC)
        finished = theirs.opened(next(incoming))
        verified = secret.verified(b"".join((hello[5:], *flight, exchange, finished)))
        visitor.say(records.record(_CHANGE_CIPHER_SPEC, b"\1", version))
        visitor.say(ours.sealed(records.HANDSHAKE, _message(20, verified)))
        return ours


class _Secret:
    """The master secret of one connection (RFC 5246 8.1), and what comes from it."""

    def __init__(self, version: bytes, premaster: bytes, client: bytes, server: bytes) -> None:
        self._version = version
        self._master = _prf(version, premaster, b"master secret" + client + server, 48)
        self._keys = _prf(
            version, self._master, b"key expansion" + server + client, 2 * (_MAC + _KEY)
        )

    def sides(self, *, compresses: bool) -> tuple["_Side", "_Side"]:
        """The client's and the server's direction (RFC 5246 6.3)."""
        macs, keys = self._keys[: 2 * _MAC], self._keys[2 * _MAC :]
        make = functools.partial(_Side, self._version, compresses=compresses)
        return make(macs[:_MAC], keys[:_KEY]), make(macs[_MAC:], keys[_KEY:])

    def verified(self, said: bytes) -> bytes:
        """The body of the server's Finished (RFC 5246 7.4.9, RFC 4346 7.4.9)."""
        if self._version == records.TLS_1_2:
            digest = hashlib.sha256(said).digest()
        else:
            digest = _md5(said) + _sha1(said)
        return _prf(self._version, self._master, b"server finished" + digest, 12)


class _Side:
    """One direction of a connection: compressed, authenticated, encrypted (RFC 5246 6.2.3.2)."""

    def __init__(self, version: bytes, mac: bytes, key: bytes, *, compresses: bool) -> None:
        self._version, self._mac_key, self._key = version, mac, key
        self._number = 0
        self._deflate = zlib.compressobj() if compresses else None
        self._inflate = zlib.decompressobj() if compresses else None

    def sealed(self, kind: int, data: bytes) -> bytes:
        if self._deflate:
            data = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        data += self._mac(kind, data)
        left = -len(data) % _BLOCK or _BLOCK
        start = os.urandom(_BLOCK)
        cipher = Cipher(algorithms.AES(self._key), modes.CBC(start)).encryptor()
        body = cipher.update(data + bytes([left - 1]) * left) + cipher.finalize()
        return records.record(kind, start + body, self._version)

    def opened(self, record: bytes) -> bytes:
        """What is in a record; raises ValueError."""
        start, body = record[5 : 5 + _BLOCK], record[5 + _BLOCK :]
        cipher = Cipher(algorithms.AES(self._key), modes.CBC(start)).decryptor()
        plain = cipher.update(body) + cipher.finalize()
        size = max(len(plain) - 1 - plain[-1] - _MAC, 0)
        data, mac = plain[:size], plain[size : size + _MAC]
        if mac != self._mac(record[0], data):
            raise ValueError("bad record MAC")
        return self._inflate.decompress(data) if self._inflate else data

    def _mac(self, kind: int, data: bytes) -> bytes:
        head = self._number.to_bytes(8) + bytes([kind]) + self._version + len(data).to_bytes(2)
        self._number += 1
        return hmac.digest(self._mac_key, head + data, "sha1")


def _offered(hello: bytes) -> tuple[bytes, set[bytes], bytes]:
    # version, suites, compression methods (RFC 5246 7.4.1.2)
    if hello[0] != records.HANDSHAKE:  # an alert, where a client has nothing to offer
        raise EOFError
    at = 44 + hello[43]
    at += 2 + int.from_bytes(hello[at : at + 2])
    methods = hello[at + 1 : at + 1 + hello[at]]
    return min(hello[9:11], records.TLS_1_2), records.suites_of(hello), methods


def _body(record: bytes, kind: int) -> bytes:
    if record[0] != kind:
        raise ValueError(f"a record of type {record[0]} instead of {kind}")
    return record[5:]


def _premaster(identity: Identity, encrypted: bytes) -> bytes:
    # RFC 5246 7.4.7.1: nobody shall notice that the padding was wrong.
    key = _key(identity)
    try:
        return key.decrypt(encrypted, PKCS1v15())
    except ValueError:
        return os.urandom(48)


@once
def _key(identity: Identity) -> RSAPrivateKey:
    key = load_pem_private_key(identity.key, None)
    assert isinstance(key, RSAPrivateKey)
    return key


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + records.sized(body, 3)


def _prf(version: bytes, secret: bytes, seed: bytes, size: int) -> bytes:
    # RFC 5246 5; RFC 4346 5 for TLS 1.1
    if version == records.TLS_1_2:
        return _expanded("sha256", secret, seed, size)
    half = (len(secret) + 1) // 2
    pair = zip(
        _expanded("md5", secret[:half], seed, size),
        _expanded("sha1", secret[-half:], seed, size),
        strict=True,
    )
    return bytes(one ^ other for one, other in pair)


def _expanded(digest: str, secret: bytes, seed: bytes, size: int) -> bytes:
    a, out = seed, b""
    while len(out) < size:
        a = hmac.digest(secret, a, digest)
        out += hmac.digest(secret, a + seed, digest)
    return out[:size]


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()
