"""The certificates of the zoo, made once a test session."""

import ssl
import tempfile
from pathlib import Path

from certcheck.lab import pki
from certcheck.model.observation import TlsVersion
from certcheck.probe.handshake import VERSIONS
from tests.zoo import keeper
from tests.zoo.once import once

_ENABLE_MIDDLEBOX_COMPAT = 1 << 20  # ssl.h: SSL_OP_ENABLE_MIDDLEBOX_COMPAT


@once
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


@once
def context(
    *keys: pki.KeyKind,
    name: str = "mail.example.test",
    oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
) -> ssl.SSLContext:
    """The same, made once."""
    return own_context(*keys, name=name, oldest=oldest)


@once
def modern() -> ssl.SSLContext:
    """A TLS context that knows nothing but TLS 1.3."""
    return context(name="modern.example.test", oldest=ssl.TLSVersion.TLSv1_3)


@once
def newest_1_2() -> ssl.SSLContext:
    """A TLS context that knows TLS 1.2 at most."""
    made = context(name="old.example.test")
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    return made


@once
def refusing_sni(*, with_name: bool) -> ssl.SSLContext:
    """One that refuses who sends a name, or who sends none, by an alert."""

    def choose(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> int | None:
        refused = bool(name) == with_name
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME if refused else None

    made = context(name=f"{with_name}.example.test", oldest=ssl.TLSVersion.TLSv1_3)
    made.sni_callback = choose
    return made


@once
def asking_for_certificates(*, required: bool, newest: str) -> ssl.SSLContext:
    """One that wants to see a client's certificate."""
    made = context(name=f"{required}.{newest}.example.test", oldest=ssl.TLSVersion[newest])
    made.maximum_version = ssl.TLSVersion[newest]
    made.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    made.load_verify_locations(cadata=identity().certificate.decode())
    return made


@once
def without_middlebox_mode() -> ssl.SSLContext:
    """One of TLS 1.3 that sends no ChangeCipherSpec, which nobody has to (RFC 8446 D.4)."""
    made = context(name="bare.example.test", oldest=ssl.TLSVersion.TLSv1_3)
    made.options &= ~_ENABLE_MIDDLEBOX_COMPAT
    return made


def serving(pem: bytes, *, newest: TlsVersion = "TLSv1.3") -> ssl.SSLContext:
    """One that serves the key and the chain in `pem`, in TLS 1.3 or in 1.2 only."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers("ALL:@SECLEVEL=0")
    made.minimum_version = made.maximum_version = VERSIONS[newest]
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(pem)
        made.load_cert_chain(file.name)
    return made
