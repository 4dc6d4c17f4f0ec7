"""Certificates and keys: DER and PEM to the model and back, and whether they belong together."""

import hashlib
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from certcheck.der import to_be_signed, with_loose_strings
from certcheck.errors import UnfitBundle
from certcheck.model.certificate import Certificate

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificateIssuerPrivateKeyTypes,
        PublicKeyTypes,
    )

KeyKind = Literal["ecdsa", "rsa2048", "rsa3072", "rsa4096"]

_MAX_CHAIN = 256 * 1024
_MAX_KEY = 64 * 1024
_PEM_KEY = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----\s?", re.DOTALL)
_PEM_CERTIFICATE = re.compile(rb"(?s)-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----")


@contextmanager
def _quietly() -> Iterator[None]:
    # cryptography warns of a negative serial number, a country of three letters, an old curve,
    # some of it whenever a part is read: the server's fault, and a fact; a warning helps nobody.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def get_ready() -> None:
    """Load what reads certificates, which otherwise the first of them does."""
    import_module("cryptography.hazmat.backends.openssl.backend")
    import_module("cryptography.x509")


def parsed(der: bytes) -> "x509.Certificate":
    """What cryptography makes of `der`, without its warnings; raises ValueError when nothing."""
    from cryptography import x509

    with _quietly():
        try:
            return x509.load_der_x509_certificate(der)
        except x509.InvalidVersion as e:
            raise ValueError(str(e)) from e


def _opened(der: bytes) -> "x509.Certificate":
    try:
        return parsed(der)
    except ValueError:
        return parsed(with_loose_strings(der))


@_quietly()
def certificate(der: bytes) -> Certificate:
    """The certificate in `der`; raises ValueError when it is none.

    Odd parts (a broken name, an unknown curve) are shown as `unreadable`, not refused.
    """
    opened = _opened(der)
    # A broken name raises at the attribute already, hence functions and not bound methods.
    subject = _readable(lambda: _text(opened.subject))
    issuer = _readable(lambda: _text(opened.issuer))
    return Certificate(
        sha256=hashlib.sha256(der).hexdigest(),
        sha1=hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        spki_sha256=_readable(lambda: hashlib.sha256(_spki(opened)).hexdigest()),
        subject=subject,
        issuer=issuer,
        names=_names(opened),
        key=_readable(lambda: _key_title(opened.public_key())),
        signature=_readable(lambda: _signature_title(opened)),
        serial=f"{opened.serial_number:x}",
        not_before=opened.not_valid_before_utc,
        not_after=opened.not_valid_after_utc,
        is_ca=_is_ca(opened),
        key_id=_key_id(opened),
        self_signed=subject == issuer and issued_by(der, der),
        der=der,
    )


def chain(pem: bytes, *, where: str) -> tuple[Certificate, ...]:
    """The certificates in `pem`, in their order; `where` names the source in errors.

    Raises UnfitBundle when there is none, one is broken, or there are more than 256 KiB.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    if len(pem) > _MAX_CHAIN:
        raise UnfitBundle(f"{where} is larger than 256 KiB", hint="this is no certificate chain")
    blocks = _PEM_CERTIFICATE.findall(pem)
    if not blocks:
        raise UnfitBundle(f"{where} holds no PEM certificate", hint="look at the file")
    try:
        with _quietly():
            opened = [x509.load_pem_x509_certificate(block) for block in blocks]
        return tuple(certificate(each.public_bytes(Encoding.DER)) for each in opened)
    except (ValueError, x509.InvalidVersion) as e:
        raise UnfitBundle(f"{where} holds a broken certificate", hint="look at the file") from e


def pem(certificates: Sequence[Certificate]) -> bytes:
    """The certificates as PEM, one after the other."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return b"".join(parsed(c.der).public_bytes(Encoding.PEM) for c in certificates)


@_quietly()
def public_key(der: bytes) -> bytes:
    """The public key of a certificate as DER (SubjectPublicKeyInfo); raises ValueError."""
    try:
        return _spki(_opened(der))
    except _odd() as e:
        raise ValueError(f"the public key cannot be read: {e}") from e


@_quietly()
def opened_key(der: bytes) -> "PublicKeyTypes":
    """The public key of a certificate, to verify with; raises ValueError."""
    try:
        return _opened(der).public_key()
    except _odd() as e:
        raise ValueError(f"the public key cannot be read: {e}") from e


@_quietly()
def issued_by(der: bytes, issuer_der: bytes) -> bool:
    """Whether the signature on `der` was made with the key of `issuer_der`."""
    child, parent = _opened(der), _opened(issuer_der)
    try:
        if child.issuer != parent.subject:
            return False
        _verify_signature(child, to_be_signed(der), parent.public_key())
    except _odd():
        return False
    return True


def new_key(kind: KeyKind) -> bytes:
    """A new private key, as unencrypted PKCS #8 PEM."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key: CertificateIssuerPrivateKeyTypes = (
        ec.generate_private_key(ec.SECP256R1())
        if kind == "ecdsa"
        else rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def private_key(pem: bytes, *, where: str) -> bytes:
    """The one private key in `pem`, as it stands there; `where` names the source in errors.

    Raises UnfitBundle, without a word of the key, for none, several, or one that cannot be read.
    """
    found = [match[0] for match in _PEM_KEY.finditer(pem[: _MAX_CHAIN + 1])]
    if len(found) != 1:
        how_many = f"{len(found)} private keys" if found else "no private key in PEM"
        raise UnfitBundle(f"{where} holds {how_many}", hint="give one file with one key")
    if b"ENCRYPTED" in found[0]:
        raise UnfitBundle(
            f"the private key in {where} is encrypted",
            hint="mail servers read it without a password: openssl pkey -in FILE -out FILE",
        )
    key_spki_sha256(found[0], where=where)
    return found[0].strip() + b"\n"


def key_spki_sha256(pem: bytes, *, where: str) -> str:
    """The hash of the public half of a private key, to compare with a certificate's.

    Raises UnfitBundle, without a word of the key, when it cannot be read.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    try:
        # Beyond the limit is no key: nothing stays, and the parser refuses it.
        key = load_pem_private_key(pem if len(pem) <= _MAX_KEY else b"", password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # `from None`: the text of a parser's error must not carry a piece of the key.
        raise UnfitBundle(
            f"{where} is not a private key that can be read", hint="look at the file"
        ) from None
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).hexdigest()


def _verify_signature(child: "x509.Certificate", content: bytes, key: "PublicKeyTypes") -> None:
    # verify_directly_issued_by refuses MD5 and SHA-1, so that a server of 2012 would seem to serve
    # a chain of strangers; whether a hash is too old is for a rule to say.
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

    signature = child.signature
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        key.verify(signature, content)
        return
    hash_ = child.signature_hash_algorithm
    parameters = child.signature_algorithm_parameters
    if hash_ is None:
        raise ValueError("no hash algorithm")
    if isinstance(key, rsa.RSAPublicKey):
        pad = parameters if isinstance(parameters, padding.PSS) else padding.PKCS1v15()
        key.verify(signature, content, pad, hash_)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, content, ec.ECDSA(hash_))
    else:
        raise TypeError("a key that signs no certificates")


def _odd() -> tuple[type[Exception], ...]:
    # What cryptography raises when a part of a certificate is odd; found by fuzzing.
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    return (
        *(ValueError, TypeError, KeyError),
        *(InvalidSignature, UnsupportedAlgorithm),
        x509.DuplicateExtension,
        x509.ExtensionNotFound,
        x509.UnsupportedGeneralNameType,
    )


def _readable(read: Callable[[], str]) -> str:
    try:
        return read()
    except _odd():
        return "unreadable"


def _text(name: "x509.Name") -> str:
    return name.rfc4514_string()


def _spki(opened: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = opened.public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _names(opened: "x509.Certificate") -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = opened.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except _odd():
        return ()
    dns = names.get_values_for_type(x509.DNSName)
    return (*dns, *(str(ip) for ip in names.get_values_for_type(x509.IPAddress)))


def _key_id(opened: "x509.Certificate") -> str:
    from cryptography import x509

    try:
        found = opened.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except _odd():
        return ""
    return found.value.digest.hex()


def _is_ca(opened: "x509.Certificate") -> bool:
    from cryptography import x509

    try:
        return opened.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except _odd():
        return False


def _key_title(key: "PublicKeyTypes") -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    match key:
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size}"
        case ec.EllipticCurvePublicKey():
            names = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
            return f"ECDSA {names.get(key.curve.name, key.curve.name)}"
        case ed25519.Ed25519PublicKey():
            return "EdDSA Ed25519"
        case ed448.Ed448PublicKey():
            return "EdDSA Ed448"
        case _:
            return type(key).__name__.lstrip("_").removesuffix("PublicKey")


def _signature_title(opened: "x509.Certificate") -> str:
    name: str = getattr(opened.signature_algorithm_oid, "_name", "Unknown OID")
    return opened.signature_algorithm_oid.dotted_string if name == "Unknown OID" else name
