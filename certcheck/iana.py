"""Cipher suites, groups and signature schemes by code point (IANA, "TLS Parameters")."""

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

# What our own hellos do not offer, and those of mail programs do.
MORE_GROUPS: Mapping[int, str] = {
    0x000F: "secp160k1",
    0x0010: "secp160r1",
    0x0011: "secp160r2",
    0x0029: "curveSM2",
    0x11EE: "curveSM2MLKEM768",
}

# RFC 8446 4.2.3; below TLS 1.3 a hash and a kind of key by RFC 5246 7.4.1.4.1.
SIGNATURES: Mapping[int, str] = {
    0x0101: "rsa_pkcs1_md5",
    0x0201: "rsa_pkcs1_sha1",
    0x0202: "dsa_sha1",
    0x0203: "ecdsa_sha1",
    0x0301: "rsa_pkcs1_sha224",
    0x0302: "dsa_sha224",
    0x0303: "ecdsa_sha224",
    0x0401: "rsa_pkcs1_sha256",
    0x0402: "dsa_sha256",
    0x0403: "ecdsa_secp256r1_sha256",
    0x0501: "rsa_pkcs1_sha384",
    0x0502: "dsa_sha384",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0601: "rsa_pkcs1_sha512",
    0x0602: "dsa_sha512",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0708: "sm2sig_sm3",
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x081A: "ecdsa_brainpoolP256r1tls13_sha256",
    0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512",
    0x0904: "mldsa44",
    0x0905: "mldsa65",
    0x0906: "mldsa87",
}


@functools.cache
def suites() -> Mapping[int, str]:
    """The IANA name of every cipher suite of SSLv3 to TLS 1.3."""
    text = Path(__file__).with_suffix(".txt").read_text("ascii")
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {int(code, 16): name for code, name in lines}


def is_new(suite: int) -> bool:
    """Whether it is a suite of TLS 1.3."""
    return any(suite in each for each in _NEW)


def code(name: str) -> int:
    """The code point of a suite, group or signature scheme by its name, or `0xNNNN` as it is.

    Raises KeyError for a name that nobody has registered.
    """
    return int(name, 16) if name.startswith("0x") else _codes()[name]


@functools.cache
def _codes() -> Mapping[str, int]:
    tables = (suites(), GROUPS, MORE_GROUPS, SIGNATURES)
    return {name: number for table in tables for number, name in table.items()}
