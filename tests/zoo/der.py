"""Certificates put together byte by byte, so that they can be as wrong as one likes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

INTEGER, BITS, OCTETS, OID, UTF8, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x06, 0x0C, 0x30, 0x31
PRINTABLE, TELETEX, BMP = 0x13, 0x14, 0x1E
DNS, EMAIL, URI = 0x82, 0x81, 0x86  # RFC 5280 4.2.1.6: choices of a GeneralName
_ECDSA_SHA256 = bytes.fromhex("2a8648ce3d040302")
_ED25519 = bytes.fromhex("2b6570")
COMMON_NAME, COUNTRY = bytes.fromhex("550403"), bytes.fromhex("550406")
_SAN, _BASIC_CONSTRAINTS = bytes.fromhex("551d11"), bytes.fromhex("551d13")
_TRUE = b"\x01\x01\xff"

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element of DER: tag, length, value."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(size)]) + size + body


def name(*values: tuple[int, bytes], kind: bytes = COMMON_NAME) -> bytes:
    """A distinguished name of one kind of attribute: pairs of a string type and its bytes."""
    return tlv(
        SEQUENCE,
        *(tlv(SET, tlv(SEQUENCE, tlv(OID, kind), tlv(t, v))) for t, v in values),
    )


ZOO_NAME = name((UTF8, b"mail.example.test"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """What is odd in a certificate; `names` are general names, `behind` is put behind all fields.

    `version` None leaves the field out, which means 1. `dates` are GeneralizedTime or UTCTime.
    """

    serial: bytes = b"\x2a"
    subject: bytes = ZOO_NAME
    issuer: bytes = ZOO_NAME
    names: Sequence[tuple[int, bytes]] = ((DNS, b"mail.example.test"),)
    version: int | None = 2
    dates: tuple[bytes, bytes] = (b"\x17\x0d250101000000Z", b"\x17\x0d351231000000Z")
    is_ca: bool = False
    more_extensions: bytes = b""
    behind: bytes = b""
    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def der(self) -> bytes:
        """The certificate, signed with its own key."""
        algorithm = tlv(SEQUENCE, tlv(OID, self._algorithm))
        version = b"" if self.version is None else tlv(0xA0, tlv(INTEGER, bytes([self.version])))
        public = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        to_sign = tlv(
            SEQUENCE,
            *(version, tlv(INTEGER, self.serial), algorithm, self.issuer),
            *(tlv(SEQUENCE, *self.dates), self.subject, public),
            *(self._extensions(), self.behind),
        )
        return tlv(SEQUENCE, to_sign, algorithm, tlv(BITS, b"\0", self._signature(to_sign)))

    @property
    def _algorithm(self) -> bytes:
        return _ED25519 if isinstance(self.key, ed25519.Ed25519PrivateKey) else _ECDSA_SHA256

    def _signature(self, data: bytes) -> bytes:
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))

    def _extensions(self) -> bytes:
        if self.version is None:
            return b""
        constraints = tlv(SEQUENCE, _TRUE if self.is_ca else b"")
        names = tlv(SEQUENCE, *(tlv(kind, value) for kind, value in self.names))
        return tlv(
            0xA3,
            tlv(
                SEQUENCE,
                _extension(_BASIC_CONSTRAINTS, constraints),
                _extension(_SAN, names) if self.names else b"",
                self.more_extensions,
            ),
        )


def extension_twice() -> bytes:
    """A second subjectAltName, which RFC 5280 4.2 forbids."""
    return _extension(_SAN, tlv(SEQUENCE, tlv(DNS, b"second.example.test")))


def _extension(oid: bytes, value: bytes) -> bytes:
    return tlv(SEQUENCE, tlv(OID, oid), tlv(OCTETS, value))
