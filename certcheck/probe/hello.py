"""A ClientHello of SSL 3.0 to TLS 1.3, without cryptography: so any suite can be asked for."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from certcheck.iana import GROUPS
from certcheck.model.observation import TlsVersion
from certcheck.probe.client_hello import ClientHello, encoded, padded
from certcheck.probe.extension import Extension, Kind, key_share, number_list, server_name

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
_UNCOMPRESSED = 0


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
    """The hello as records (RFC 8446 4.1.2, RFC 5246 7.4.1.2, RFC 6101 5.6.1.2).

    In TLS 1.3 it has no key share (RFC 8446 4.2.8), so that the server must name its group in a
    HelloRetryRequest.
    """
    version = VERSIONS[offer.version]
    hello = ClientHello(
        record_version=min(version, VERSIONS["TLSv1.0"]),
        version=min(version, VERSIONS["TLSv1.2"]),
        random=secrets.token_bytes(32),
        session_id=secrets.token_bytes(32) if offer.version == "TLSv1.3" else b"",
        suites=tuple(offer.suites),
        extensions=None if offer.version == "SSLv3" else tuple(_extensions(offer)),
    )
    return encoded(padded(hello))


def _extensions(offer: Offer) -> Iterator[Extension]:
    yield Extension(kind=Kind.RENEGOTIATION_INFO, data=b"\x00")
    yield Extension(kind=Kind.EXTENDED_MASTER_SECRET)
    yield number_list(Kind.EC_POINT_FORMATS, [_UNCOMPRESSED])
    yield number_list(Kind.SUPPORTED_GROUPS, offer.groups)
    if offer.server_name is not None:
        yield server_name(offer.server_name)
    if offer.version in {"TLSv1.2", "TLSv1.3"}:
        yield number_list(Kind.SIGNATURE_ALGORITHMS, _SIGNATURES)
    if offer.version == "TLSv1.3":
        yield number_list(Kind.SUPPORTED_VERSIONS, [VERSIONS["TLSv1.3"]])
        yield key_share([])
