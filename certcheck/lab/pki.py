"""Certificates of any shape, good and bad, for the lab and for tests."""

import ipaddress
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from certcheck.errors import Obstacle

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

KeyKind = Literal["ecdsa", "p384", "p521", "rsa1024", "rsa2048", "rsa3072", "rsa4096"]
Hash = Literal["sha256", "sha384", "sha1", "md5"]

_REFUSED_BY_CRYPTOGRAPHY: frozenset[Hash] = frozenset({"sha1", "md5"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a certificate shall look like; the default is a sound leaf for one name.

    `starts` and `ends` are days from now. `common_name` defaults to the first name. `enciphers`
    allows key exchange by RSA, which not every CA does today.
    """

    names: tuple[str, ...] = ("mail.example.test",)
    common_name: str = ""
    key: KeyKind = "ecdsa"
    starts: float = -1
    ends: float = 90
    is_ca: bool = False
    enciphers: bool = False
    signature: Hash = "sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A private key and its certificate, as PEM; `chain` is leaf first, without the root."""

    key: bytes = field(repr=False)
    certificate: bytes
    intermediates: bytes = b""
    self_signed: bool = False

    @property
    def chain(self) -> bytes:
        """The certificate and its intermediates, as a server sends them."""
        return self.certificate + self.intermediates

    @property
    def key_first(self) -> bytes:
        """One file for Postfix: the key, then the chain."""
        return self.key + self.chain

    def without_intermediates(self) -> "Identity":
        """The same certificate on a server whose admin forgot the rest of the chain."""
        return replace(self, intermediates=b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A root, and an intermediate that signs leaves."""

    root: Identity
    intermediate: Identity

    def issue(self, shape: Shape, *, now: datetime | None = None) -> Identity:
        """A certificate of this shape, signed by the intermediate."""
        return make(shape, issuer=self.intermediate, now=now)


GOOD = Shape()
EXPIRED = Shape(starts=-100, ends=-1)
NOT_YET_VALID = Shape(starts=1, ends=100)
WRONG_NAME = Shape(names=("www.other.test",))
CN_ONLY = Shape(names=(), common_name="mail.example.test")
RSA_1024 = Shape(key="rsa1024")
SHA_1 = Shape(key="rsa2048", signature="sha1")
MD5 = Shape(key="rsa2048", signature="md5")


def authority(*, key: KeyKind = "ecdsa", now: datetime | None = None) -> Authority:
    """A new root and a new intermediate below it."""
    ca = Shape(names=(), key=key, is_ca=True, ends=3650)
    root = make(replace(ca, common_name="Lab root"), now=now)
    intermediate = make(replace(ca, common_name="Lab intermediate"), issuer=root, now=now)
    return Authority(root=root, intermediate=intermediate)


def make(
    shape: Shape, *, issuer: Identity | None = None, key: bytes = b"", now: datetime | None = None
) -> Identity:
    """A certificate of this shape, signed by `issuer` or by itself; `key` is a PEM to use again.

    What cryptography refuses to sign (SHA-1, MD5) is signed by the openssl program.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    subject_key = private_key(key) if key else _new_key(shape.key)
    weak = shape.signature in _REFUSED_BY_CRYPTOGRAPHY
    # The openssl program wants to see a self-signed certificate before it signs it anew.
    signer = None if weak else issuer
    made = _build(shape, subject_key, signer, now or datetime.now(UTC))
    identity = Identity(
        key=key or _key_pem(subject_key),
        certificate=made.public_bytes(Encoding.PEM),
        intermediates=issuer.chain if issuer and not issuer.self_signed else b"",
        self_signed=issuer is None,
    )
    if not weak:
        return identity
    signed = _signed_again(identity, issuer, shape.signature, made.serial_number)
    return replace(identity, certificate=signed)


def private_key(pem: bytes) -> "ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey":
    """The EC or RSA key in `pem`."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise TypeError("the lab makes certificates for EC and RSA keys only")
    return key


def _build(
    shape: Shape,
    key: "ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey",
    issuer: Identity | None,
    now: datetime,
) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    subject = _subject(shape)
    parent = x509.load_pem_x509_certificate(issuer.certificate) if issuer else None
    signing_key = private_key(issuer.key) if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(parent.subject if parent else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=shape.starts))
        .not_valid_after(now + timedelta(days=shape.ends))
    )
    if issuer:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    for extension, critical in _extensions(shape, key):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(
        signing_key, hashes.SHA384() if shape.signature == "sha384" else hashes.SHA256()
    )


def _extensions(
    shape: Shape, key: "ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey"
) -> "Iterator[tuple[x509.ExtensionType, bool]]":
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    yield x509.BasicConstraints(ca=shape.is_ca, path_length=None), True
    yield x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
    yield _usage(shape), True
    if not shape.is_ca:
        yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False
    if shape.names:
        yield x509.SubjectAlternativeName([_general_name(name) for name in shape.names]), False


def _usage(shape: Shape) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not shape.is_ca,
        content_commitment=False,
        key_encipherment=shape.enciphers,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=shape.is_ca,
        crl_sign=shape.is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(shape: Shape) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    name = shape.common_name or next(iter(shape.names), "")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])


def _general_name(name: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _new_key(kind: KeyKind) -> "ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    curves = {"ecdsa": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
    if kind in curves:
        return ec.generate_private_key(curves[kind])
    if kind == "rsa1024":
        # Each release of cryptography raises the bar for new keys; openssl does as it is told.
        return private_key(
            _openssl(Path("/"), "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
        )
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))


def _key_pem(key: "ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _signed_again(
    identity: Identity, issuer: Identity | None, signature: Hash, serial: int
) -> bytes:
    with tempfile.TemporaryDirectory(prefix="certcheck-pki-") as name:
        folder = Path(name)
        parent = issuer or identity
        (folder / "certificate.pem").write_bytes(identity.certificate)
        (folder / "ca.pem").write_bytes(parent.certificate)
        (folder / "ca.key").touch(mode=0o600)
        (folder / "ca.key").write_bytes(parent.key)
        by = ("-CA", "ca.pem", "-CAkey", "ca.key") if issuer else ("-signkey", "ca.key")
        return _openssl(
            folder,
            *("x509", "-in", "certificate.pem", *by, f"-{signature}"),
            *("-preserve_dates", "-set_serial", str(serial)),
        )


def _openssl(folder: Path, *arguments: str) -> bytes:
    done = subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, check=False, timeout=30
    )
    if done.returncode:
        raise Obstacle(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
