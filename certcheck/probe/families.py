"""Families of suites of TLS 1.2 and below: what a server mostly takes or refuses as a whole."""

import functools
import re
from collections.abc import Mapping, Sequence

from certcheck.iana import is_new, suites

_EXCHANGES: Mapping[str, re.Pattern[str]] = {
    "export": re.compile("EXPORT"),
    "ECDHE_ECDSA": re.compile("TLS_ECDHE_ECDSA_"),
    "ECDHE_RSA": re.compile("TLS_ECDHE_RSA_"),
    "RSA": re.compile("TLS_RSA_(?!PSK)"),
    "DHE_RSA": re.compile("TLS_DHE_RSA_"),
    "ECDH_anon": re.compile("TLS_ECDH_anon_"),
    "DH_anon": re.compile("TLS_DH_anon_"),
    "ECDH": re.compile("TLS_ECDH_(RSA|ECDSA)_"),
    "DSS, DH": re.compile("TLS_(DHE_DSS|DH_DSS|DH_RSA)_"),
    "PSK, SRP, Kerberos": re.compile("PSK|SRP|KRB5"),
    "others": re.compile(""),
}
_HARDLY = ("export", "ECDH", "DSS, DH", "PSK, SRP, Kerberos", "others")
# These want a setup of their own in the client, and sslyze asks for none of them.
_APART = ("PSK, SRP, Kerberos", "others")
_CIPHERS: Mapping[str, re.Pattern[str]] = {
    "AES-GCM": re.compile(r"AES_\d+_GCM"),
    "AES-CBC": re.compile(r"AES_\d+_CBC_SHA$"),
    "new AES-CBC": re.compile(r"AES_\d+_CBC"),
    "AES-CCM": re.compile(r"AES_\d+_CCM"),
    "ChaCha20": re.compile("CHACHA20"),
    "Camellia": re.compile(r"CAMELLIA_\d+_CBC_SHA$"),
    "new Camellia": re.compile("CAMELLIA"),
    "ARIA": re.compile("ARIA"),
    "3DES": re.compile("3DES"),
    "RC4": re.compile("RC4"),
    "SEED": re.compile("SEED"),
    "NULL": re.compile("NULL"),
    "old": re.compile(""),
}
_OLD = ("3DES", "RC4", "SEED", "NULL", "old")
# A server may choose one of these and find then that it cannot do the key exchange: a Dovecot
# without parameters for DHE does, or one whose certificate cannot sign what the client wants. Then
# it refuses a hello for what else is in it. All other exchanges need nothing but the certificate.
_FRAGILE: Mapping[str, re.Pattern[str]] = {
    "ECDHE_ECDSA": re.compile("TLS_ECDHE_ECDSA_"),
    "ECDHE_RSA": re.compile("TLS_ECDHE_RSA_"),
    "DHE": re.compile("TLS_DHE_(RSA|DSS)_"),
    "DH_anon": re.compile("TLS_DH_anon_"),
}
_CURVES = re.compile("TLS_ECDHE?_")

# By key exchange and cipher.
Family = tuple[str, str]
Families = Sequence[tuple[int, ...]]


def family(suite: int) -> Family | None:
    """The family of a suite; none for one of TLS 1.3, and for what sslyze does not ask for."""
    found = _families().get(suite)
    return None if found is None or found[0] in _APART else found


def fragile(suite: int) -> str:
    """What a server may choose and not be able to do; empty where it can do what it chooses."""
    return _fragile().get(suite, "")


def company(suite: int, *, with_all: bool = False) -> tuple[int, ...]:
    """All suites with a family that go into one hello with this one, the likeliest first.

    Those with curves and those without come in different hellos, unless `with_all`.
    """
    alike = _has_curves(suite)
    return tuple(code for code in _company() if with_all or _has_curves(code) == alike)


def is_likely(name: str) -> bool:
    """Whether servers of today take such a suite at all, if they are told to take much."""
    exchange, cipher = family_of(name)
    return exchange not in _HARDLY and cipher not in _OLD


def likelihood(name: str) -> tuple[bool, int, int]:
    """What sorts suites by how likely a server takes them, the likeliest first."""
    exchange, cipher = family_of(name)
    return not is_likely(name), [*_CIPHERS].index(cipher), [*_EXCHANGES].index(exchange)


@functools.cache
def wholes() -> Families:
    """All suites of TLS 1.2 and below: first those that need no parameters for DH, then the others.

    A server that has none may choose one of those all the same, and fail.
    """
    names = suites()
    with_dh = tuple(c for c in _families() if names[c].startswith(("TLS_DH_", "TLS_DHE_")))
    return tuple(code for code in _families() if code not in with_dh), with_dh


@functools.cache
def parts() -> tuple[Families, Families]:
    """All of them, by their key exchange: with a group (and what is rare), and the others.

    On a server that takes many, each part holds some of them, so that a question each is worth it.
    """
    without, with_dh = wholes()
    ecdhe_rsa, rsa, dhe_rsa = (
        tuple(code for code, key in _families().items() if key[0] == exchange)
        for exchange in ("ECDHE_RSA", "RSA", "DHE_RSA")
    )
    done = {*ecdhe_rsa, *rsa, *dhe_rsa}
    left, left_with_dh = (tuple(c for c in each if c not in done) for each in (without, with_dh))
    return (left, ecdhe_rsa), (rsa, dhe_rsa, left_with_dh)


@functools.cache
def _families() -> Mapping[int, Family]:
    return {code: family_of(name) for code, name in suites().items() if not is_new(code)}


@functools.cache
def _fragile() -> Mapping[int, str]:
    return {
        code: kind
        for code, name in suites().items()
        for kind, pattern in _FRAGILE.items()
        if pattern.match(name)
    }


@functools.cache
def _company() -> tuple[int, ...]:
    names = {code: name for code, name in suites().items() if family(code)}
    return tuple(sorted(names, key=lambda code: likelihood(names[code])))


def _has_curves(suite: int) -> bool:
    return bool(_CURVES.match(suites()[suite]))


def family_of(name: str) -> Family:
    """The family of the suite of that name."""
    return _first(_EXCHANGES, name), _first(_CIPHERS, name)


def _first(kinds: Mapping[str, re.Pattern[str]], name: str) -> str:
    return next(kind for kind, pattern in kinds.items() if pattern.search(name))
