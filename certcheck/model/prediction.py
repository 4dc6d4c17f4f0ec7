"""What a mail program will do at an endpoint: connect, ask its owner, or be locked out."""

from dataclasses import dataclass
from typing import Literal

from certcheck.model.observation import TlsVersion

Result = Literal["connects", "asks", "locked_out", "unknown"]
# How a block of facts is known: its bytes were seen, its maker says so, the platform's own stack
# stands for the program, or nobody says.
Evidence = Literal["capture", "document", "platform", "unknown"]
# What an exception that was once accepted holds for.
Scope = Literal["host_port", "host", "account", "session", "none", "unknown"]
Hash = Literal["SHA-256", "SHA-1", "MD5"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """A certificate's fingerprint as a program shows it; `certificate` is its SHA-256."""

    certificate: str
    hash: Hash
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a program will do at an endpoint, and why; protocol and suite as far as they are sure.

    `fingerprints` are those that it shows, or would show, if its way to show them is known.
    """

    client: str
    name: str
    platform: str
    group: str
    endpoint: str
    address: str | None
    server_name: str | None
    result: Result
    protocol: TlsVersion | None = None
    suite: str | None = None
    reason: str
    scope: Scope = "unknown"
    evidence: Evidence = "unknown"
    fingerprints: tuple[Fingerprint, ...] = ()
