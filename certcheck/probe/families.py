"""Families of suites of TLS 1.2 and below: what a server mostly takes or refuses as a whole."""

import functools
import re
from collections.abc import Mapping, Sequence

from certcheck.iana import is_new, suites

# A server may choose a suite and find then that it cannot do the key exchange, as a Dovecot without
# parameters for DHE does. So what it says to one key exchange says nothing of another one.
_EXCHANGES: Mapping[str, re.Pattern[str]] = {
    "export": re.compile("EXPORT"),
    "ECDHE_ECDSA": re.compile("TLS_ECDHE_ECDSA_"),
    "ECDHE_RSA": re.compile("TLS_ECDHE_RSA_"),
    "RSA": re.compile("TLS_RSA_(?!PSK)"),
    "DHE_RSA": re.compile("TLS_DHE_RSA_"),
    "ECDH": re.compile("TLS_ECDH_(RSA|ECDSA)_"),
    "ECDH_anon": re.compile("TLS_ECDH_anon_"),
    "DH_anon": re.compile("TLS_DH_anon_"),
    "DSS, DH": re.compile("TLS_(DHE_DSS|DH_DSS|DH_RSA)_"),
    "PSK, SRP, Kerberos": re.compile("PSK|SRP|KRB5"),
    "others": re.compile(""),
}
_CIPHERS: Mapping[str, re.Pattern[str]] = {
    "AES-GCM, ChaCha20": re.compile(r"AES_\d+_GCM|CHACHA20"),
    "AES-CBC": re.compile(r"AES_\d+_CBC"),
    "AES-CCM": re.compile(r"AES_\d+_CCM"),
    "ARIA": re.compile("ARIA"),
    "Camellia": re.compile("CAMELLIA"),
    "NULL": re.compile("NULL"),
    "old": re.compile(""),
}

# From the widest family of a suite to the narrowest; their codes, in order.
Families = Sequence[tuple[int, ...]]


def families(suite: int) -> Families:
    """All families of a suite, from the widest to the narrowest; none for one of TLS 1.3."""
    key = _keys().get(suite, ())
    return tuple(_members()[key[:depth]] for depth in range(1, len(key) + 1))


@functools.cache
def wholes() -> Families:
    """All suites of TLS 1.2 and below: first those that need no parameters for DH, then the others.

    A server that has none may choose one of those all the same, and fail.
    """
    names = suites()
    with_dh = tuple(code for code in _keys() if names[code].startswith(("TLS_DH_", "TLS_DHE_")))
    return tuple(code for code in _keys() if code not in with_dh), with_dh


@functools.cache
def parts() -> tuple[Families, Families]:
    """All of them, by their key exchange: with a group (and what is rare), and the others.

    On a server that takes many, each part holds some of them, so that a question each is worth it.
    """
    without, with_dh = wholes()
    ecdhe_rsa, rsa, dhe_rsa = (_members()[kind,] for kind in ("ECDHE_RSA", "RSA", "DHE_RSA"))
    done = {*ecdhe_rsa, *rsa, *dhe_rsa}
    left, left_with_dh = (tuple(c for c in each if c not in done) for each in (without, with_dh))
    return (left, ecdhe_rsa), (rsa, dhe_rsa, left_with_dh)


@functools.cache
def _keys() -> Mapping[int, tuple[str, ...]]:
    return {code: _key(name) for code, name in suites().items() if not is_new(code)}


@functools.cache
def _members() -> Mapping[tuple[str, ...], tuple[int, ...]]:
    found: dict[tuple[str, ...], list[int]] = {}
    for code, key in _keys().items():
        for depth in range(1, len(key) + 1):
            found.setdefault(key[:depth], []).append(code)
    return {key: tuple(codes) for key, codes in found.items()}


def _key(name: str) -> tuple[str, ...]:
    return _first(_EXCHANGES, name), _first(_CIPHERS, name)


def _first(kinds: Mapping[str, re.Pattern[str]], name: str) -> str:
    return next(kind for kind, pattern in kinds.items() if pattern.search(name))
