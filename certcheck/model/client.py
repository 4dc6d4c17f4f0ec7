"""A mail program as its owner knows it, the TLS stack underneath, and the roots that it trusts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Literal

from certcheck.model.certificate import Certificate
from certcheck.model.observation import TlsVersion
from certcheck.model.prediction import Evidence, Hash, Scope

_STRICT: Mapping[str, str] = {"extra": "forbid"}  # for whoever reads these from files

# What can be wrong with a certificate for a program, from what it looks at.
Fault = Literal["untrusted", "name", "expired", "weak"]
Reaction = Literal["asks", "refuses", "ignores", "unknown"]
# AB:CD, abcd, ABCD EF01 (mutt), abcd/KEYID (FairEmail).
Form = Literal["colons", "plain", "groups", "plain_with_key"]
# Reads mail, sends it, or is another server that delivers it.
Role = Literal["read", "send", "relay"]
Family = Literal[
    "outlook",
    "windows",
    "apple",
    "thunderbird",
    "android",
    "linux",
    "script",
    "device",
    "server",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What a TLS library offers, in its order, by IANA names; None is what no source tells.

    `level` is the security level of OpenSSL 3 and newer: from 1 on it refuses TLS before 1.2.
    `key_usage` says that it refuses key exchange by RSA when the certificate's usage has no
    encipherment. Sizes are in bits.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = _STRICT

    id: str
    name: str
    versions: tuple[TlsVersion, ...]
    suites: tuple[str, ...]
    groups: tuple[str, ...] | None = None
    signatures: tuple[str, ...] | None = None
    signatures_cert: tuple[str, ...] | None = None
    key_shares: tuple[str, ...] | None = None
    sni: bool | None = None
    alpn: tuple[str, ...] = ()
    extensions: tuple[int, ...] | None = None
    level: int | None = None
    key_usage: bool | None = None
    evidence: Evidence
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def span(self) -> str:
        """The oldest version that it offers and the newest: `TLS 1.0 to 1.3`, `SSL 3 to 1.2`."""
        old, new = (each.replace("v", " ") for each in (self.versions[0], self.versions[-1]))
        return old if old == new else f"{old} to {new.removeprefix('TLS ')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a program wants of a certificate beside trust, name and dates; None is not known."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _STRICT

    rsa_bits: int | None = None
    sha1: bool | None = None
    names_in_san: bool | None = None
    # OpenSSL before 1.1.0 goes on from what was served, and gives up where that ends badly.
    only_served_path: bool = False
    # Android asks a root for its key only, and not for its dates.
    dated_roots: bool = True
    first_name_only: bool = False
    server_usage: bool | None = None
    most_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What the program does about each fault, and about a certificate that is only new."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _STRICT

    untrusted: Reaction = "unknown"
    name: Reaction = "unknown"
    expired: Reaction = "unknown"
    weak: Reaction = "unknown"
    changed: Reaction = "unknown"
    scope: Scope = "unknown"
    evidence: Evidence = "unknown"
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A fingerprint as the program shows it, and where."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _STRICT

    hash: Hash
    form: Form
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """The words of the program's question, in one language."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _STRICT

    title: str = ""
    text: str = ""
    accept: str = ""
    keep: str = ""
    refuse: str = ""
    view: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A program of one version on one platform; `roles` is what it does: read, send, relay."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _STRICT

    id: str
    name: str
    platform: str
    family: Family
    years: tuple[int, ...]
    roles: tuple[Role, ...] = ("read", "send")
    stack: Stack | None = None
    stack_evidence: Evidence = "unknown"
    store: str | None = None
    store_evidence: Evidence = "unknown"
    pins: bool = False
    policy: Policy = field(default_factory=Policy)
    asking: Asking = field(default_factory=Asking)
    fingerprints: tuple[Shown, ...] = ()
    fingerprints_evidence: Evidence = "unknown"
    dialogs: Mapping[str, Dialog] = field(default_factory=dict)
    dialogs_evidence: Evidence = "unknown"
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def period(self) -> str:
        """When it is commonly used: `2016-2026`, or `2016-` where the end is open."""
        first, *last = self.years
        return f"{first}-{last[-1]}" if last else f"{first}-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The roots that a platform trusts, as of a date; `unsure` are those of which no source tells.

    A root is known by its subject and key, as one key may have several certificates.
    """

    id: str
    name: str
    at: date
    source: str
    roots: tuple[Certificate, ...]
    unsure: tuple[Certificate, ...] = ()
