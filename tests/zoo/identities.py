"""The certificates of the zoo, made once a test session."""

import functools
import ssl
import tempfile
from pathlib import Path

from certcheck.lab import pki
from tests.zoo import keeper


@functools.cache
def identity(key: pki.KeyKind = "ecdsa", name: str = "mail.example.test") -> pki.Identity:
    return pki.make(pki.Shape(names=(name,), key=key))


def own_context(
    *keys: pki.KeyKind,
    name: str = "mail.example.test",
    oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
) -> ssl.SSLContext:
    """A TLS context that serves one certificate per kind of key, for its caller to change."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "identity.pem"
        kinds = keys or ("ecdsa",)
        file.write_bytes(identity(kinds[0], name).key_first)
        made = keeper.context(str(file), oldest=oldest)
        for kind in kinds[1:]:
            file.write_bytes(identity(kind, name).key_first)
            made.load_cert_chain(file)
    return made


@functools.cache
def context(
    *keys: pki.KeyKind,
    name: str = "mail.example.test",
    oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
) -> ssl.SSLContext:
    """The same, made once."""
    return own_context(*keys, name=name, oldest=oldest)
