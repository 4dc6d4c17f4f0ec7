"""TLS 1.2 up to the server's signature, and no further: the chain, and proof of its key."""

import functools
import secrets
from collections.abc import Mapping
from typing import Literal

from certcheck.model.endpoint import TlsMode
from certcheck.probe import signature
from certcheck.probe.handshake import MAX_FLIGHT, Handshake, certificates, failure
from certcheck.probe.hello import Offer, client_hello
from certcheck.probe.limits import ProbeError
from certcheck.probe.records import Records
from certcheck.probe.tcp import Tcp

SignedBy = Literal["ecdsa", "rsa"]

# Those in which the server signs the key exchange, as OpenSSL calls them.
_SUITES: Mapping[SignedBy, Mapping[int, str]] = {
    "ecdsa": {
        0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256",
        0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384",
        0xCCA9: "ECDHE-ECDSA-CHACHA20-POLY1305",
        0xC023: "ECDHE-ECDSA-AES128-SHA256",
        0xC024: "ECDHE-ECDSA-AES256-SHA384",
        0xC009: "ECDHE-ECDSA-AES128-SHA",
        0xC00A: "ECDHE-ECDSA-AES256-SHA",
    },
    "rsa": {
        0xC02F: "ECDHE-RSA-AES128-GCM-SHA256",
        0xC030: "ECDHE-RSA-AES256-GCM-SHA384",
        0xCCA8: "ECDHE-RSA-CHACHA20-POLY1305",
        0xC027: "ECDHE-RSA-AES128-SHA256",
        0xC028: "ECDHE-RSA-AES256-SHA384",
        0xC013: "ECDHE-RSA-AES128-SHA",
        0xC014: "ECDHE-RSA-AES256-SHA",
        0x009E: "DHE-RSA-AES128-GCM-SHA256",
        0x009F: "DHE-RSA-AES256-GCM-SHA384",
        0xCCAA: "DHE-RSA-CHACHA20-POLY1305",
        0x0067: "DHE-RSA-AES128-SHA256",
        0x006B: "DHE-RSA-AES256-SHA256",
        0x0033: "DHE-RSA-AES128-SHA",
        0x0039: "DHE-RSA-AES256-SHA",
    },
}
_RANDOM = slice(11, 43)  # behind the headers of record and message, and the version
_TLS = b"\x15\x16"  # an alert, or a handshake (RFC 5246 6.2.1)


async def signed(tcp: Tcp, by: SignedBy, server_name: str | None, mode: TlsMode) -> Handshake:
    """What a server of TLS 1.2 shows and signs with a key of that kind; raises ProbeError.

    `handshake_failed` is no last word: the server may know other versions, or other suites.
    """
    hello = bytearray(_hello(by, server_name))
    hello[_RANDOM] = ours = secrets.token_bytes(32)
    records = await _answered(tcp, bytes(hello), mode)
    suite = _SUITES[by].get(int.from_bytes(records.suite))
    randoms = ours + records.random
    if suite is None or not records.chain:
        raise ProbeError("handshake_failed", "the server takes nothing of the hello")
    if not signature.is_good(records.key_exchange, randoms=randoms, leaf=records.chain[0]):
        raise ProbeError("handshake_failed", "the server's signature is none")
    return Handshake(version="TLSv1.2", suite=suite, chain=certificates(records.chain))


@functools.lru_cache(maxsize=16)
def _hello(by: SignedBy, server_name: str | None) -> bytes:
    return client_hello(
        Offer(version="TLSv1.2", suites=tuple(_SUITES[by]), server_name=server_name)
    )


async def _answered(tcp: Tcp, hello: bytes, mode: TlsMode) -> Records:
    records, first = Records(), b""
    try:
        await tcp.send(hello)
        while not _ended(records):
            data = await tcp.recv()
            first = first or data
            _feed(records, data, first)
    except (OSError, EOFError, OverflowError) as e:
        raise failure(e, first, mode) from e
    return records


def _feed(records: Records, data: bytes, first: bytes) -> None:
    if not data or first[0] not in _TLS:
        raise EOFError
    records.feed(data)
    if records.bytes > MAX_FLIGHT:
        raise OverflowError


def _ended(records: Records) -> bool:
    return bool(records.key_exchange) or records.ended_with_alert or records.is_encrypted
