"""A ClientHello of SSL 3.0 to TLS 1.3, without cryptography: so any suite can be asked for."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from certcheck.model.observation import TlsVersion
from certcheck.probe.suites import GROUPS

VERSIONS: Mapping[TlsVersion, int] = {
    "SSLv3": 0x0300,
    "TLSv1.0": 0x0301,
    "TLSv1.1": 0x0302,
    "TLSv1.2": 0x0303,
    "TLSv1.3": 0x0304,
}
# RFC 8446 4.2.3 and RFC 5246 7.4.1.4.1, with all old ones: what a server has shall be seen.
_SIGNATURES = (
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x081A, 0x081B, 0x081C, 0x0804, 0x0805, 0x0806, 0x0809,
    0x080A, 0x080B, 0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602, 0x0203,
    0x0201, 0x0202, 0x0101,
)  # fmt: skip
_SERVER_NAME, _GROUPS, _POINTS, _SIGNATURE_ALGORITHMS = 0, 10, 11, 13
_PADDING, _EXTENDED_MASTER_SECRET, _SUPPORTED_VERSIONS, _KEY_SHARE = 21, 23, 43, 51
_RENEGOTIATION = 0xFF01
_PADDED = range(256, 512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a client offers: one version, suites and groups by code point, in its order.

    `wants_group` says that the server's group is what the offer is for.
    """

    version: TlsVersion
    suites: Sequence[int]
    groups: Sequence[int] = tuple(GROUPS)
    server_name: str | None = None
    wants_group: bool = False


def client_hello(offer: Offer) -> bytes:
    """The hello as one record (RFC 8446 4.1.2, RFC 5246 7.4.1.2, RFC 6101 5.6.1.2).

    In TLS 1.3 it has no key share (RFC 8446 4.2.8), so that the server must name its group in a
    HelloRetryRequest, and needs no arithmetic from us.
    """
    version = VERSIONS[offer.version]
    body = min(version, VERSIONS["TLSv1.2"]).to_bytes(2) + secrets.token_bytes(32)
    body += _sized(secrets.token_bytes(32) if offer.version == "TLSv1.3" else b"", 1)
    body += _sized(_numbers(offer.suites), 2) + b"\x01\x00"
    if offer.version != "SSLv3":
        body += _sized(_padded(_extensions(offer), len(body)), 2)
    message = b"\x01" + _sized(body, 3)
    return b"\x16" + min(version, VERSIONS["TLSv1.0"]).to_bytes(2) + _sized(message, 2)


def _extensions(offer: Offer) -> bytes:
    made = {
        _RENEGOTIATION: b"\x00",
        _EXTENDED_MASTER_SECRET: b"",
        _POINTS: b"\x01\x00",
        _GROUPS: _sized(_numbers(offer.groups), 2),
    }
    if offer.server_name is not None:
        made[_SERVER_NAME] = _sized(b"\x00" + _sized(offer.server_name.encode("ascii"), 2), 2)
    if offer.version in {"TLSv1.2", "TLSv1.3"}:
        made[_SIGNATURE_ALGORITHMS] = _sized(_numbers(_SIGNATURES), 2)
    if offer.version == "TLSv1.3":
        made[_SUPPORTED_VERSIONS] = _sized(VERSIONS["TLSv1.3"].to_bytes(2), 1)
        made[_KEY_SHARE] = _sized(b"", 2)
    return b"".join(kind.to_bytes(2) + _sized(data, 2) for kind, data in made.items())


def _padded(extensions: bytes, before: int) -> bytes:
    # RFC 7685: some load balancers hang at a hello of 256 to 511 bytes.
    size = 4 + before + 2 + len(extensions)
    if size not in _PADDED:
        return extensions
    missing = max(_PADDED.stop - size - 4, 0)
    return extensions + _PADDING.to_bytes(2) + _sized(bytes(missing), 2)


def _numbers(numbers: Sequence[int]) -> bytes:
    return b"".join(number.to_bytes(2) for number in numbers)


def _sized(data: bytes, width: int) -> bytes:
    return len(data).to_bytes(width) + data
