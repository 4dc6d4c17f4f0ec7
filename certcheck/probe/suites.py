"""Cipher suites and groups by their code points (IANA, "TLS Parameters")."""

import functools
from collections.abc import Mapping
from pathlib import Path

# What TLS 1.3 takes (RFC 8446 B.4, RFC 9150, RFC 8998); all others belong to older versions.
_NEW = range(0x1300, 0x1400), range(0xC0B4, 0xC0B6), range(0x00C6, 0x00C8)

# In the order in which they are offered. The curves of today's certificates come last: below TLS
# 1.3 a server wants the curve of its certificate among the groups (RFC 8422 5.1), until the end.
GROUPS: Mapping[int, str] = {
    0x001D: "X25519",
    0x001E: "X448",
    0x11EC: "X25519MLKEM768",
    0x11EB: "SecP256r1MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
    0x0200: "MLKEM512",
    0x0201: "MLKEM768",
    0x0202: "MLKEM1024",
    0x6399: "X25519Kyber768Draft00",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
    0x0103: "ffdhe6144",
    0x0104: "ffdhe8192",
    0x001F: "brainpoolP256r1tls13",
    0x0020: "brainpoolP384r1tls13",
    0x0021: "brainpoolP512r1tls13",
    0x001A: "brainpoolP256r1",
    0x001B: "brainpoolP384r1",
    0x001C: "brainpoolP512r1",
    0x0016: "secp256k1",
    0x0014: "secp224k1",
    0x0012: "secp192k1",
    0x0015: "secp224r1",
    0x0013: "secp192r1",
    0x0001: "sect163k1",
    0x0002: "sect163r1",
    0x0003: "sect163r2",
    0x0004: "sect193r1",
    0x0005: "sect193r2",
    0x0006: "sect233k1",
    0x0007: "sect233r1",
    0x0008: "sect239k1",
    0x0009: "sect283k1",
    0x000A: "sect283r1",
    0x000B: "sect409k1",
    0x000C: "sect409r1",
    0x000D: "sect571k1",
    0x000E: "sect571r1",
    0x0019: "secp521r1",
    0x0018: "secp384r1",
    0x0017: "secp256r1",
}


@functools.cache
def suites() -> Mapping[int, str]:
    """The IANA name of every cipher suite of SSLv3 to TLS 1.3."""
    text = Path(__file__).with_name("suites.txt").read_text("ascii")
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {int(code, 16): name for code, name in lines}


def is_new(suite: int) -> bool:
    """Whether it is a suite of TLS 1.3."""
    return any(suite in each for each in _NEW)
