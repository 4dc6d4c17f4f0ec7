"""A certificate as an admin reads it, with its fingerprints."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

KeyType = Literal["rsa", "ecdsa", "eddsa", "other"]

_OLD_HASH = re.compile(
    r"(?<![a-z])(md2|md4|md5|sha1|sha-1)(?![0-9])|ecdsa-with-SHA1", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One X.509 certificate; hashes are lower-case hex, times are UTC.

    `key_id` is the SubjectKeyIdentifier, which FairEmail shows; empty for a certificate without.
    """

    sha256: str
    sha1: str
    spki_sha256: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    key: str
    signature: str
    serial: str
    not_before: datetime
    not_after: datetime
    is_ca: bool
    self_signed: bool
    key_id: str = ""
    der: bytes = field(default=b"", repr=False)

    @property
    def key_type(self) -> KeyType:
        """The family of the key, which decides the cipher suites that can use it."""
        families: dict[str, KeyType] = {"RSA": "rsa", "ECDSA": "ecdsa", "EdDSA": "eddsa"}
        return families.get(self.key.partition(" ")[0], "other")

    @property
    def has_old_hash(self) -> bool:
        """Whether its signature is by MD5 or SHA-1, for which forgeries are known."""
        return bool(_OLD_HASH.search(self.signature))

    @property
    def title(self) -> str:
        """A name to show: the first name in it, else its subject, else its serial number."""
        return next(iter(self.names), "") or self.subject or f"serial {self.serial}"


def colons(fingerprint: str) -> str:
    """`ab12cd` as `AB:12:CD`, the form that most mail programs show."""
    digits = fingerprint.upper()
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))


def short(fingerprint: str) -> str:
    """`AB:12:CD:34…`: enough of it to tell a handful of certificates apart, not to compare."""
    return f"{colons(fingerprint[:8])}…"
