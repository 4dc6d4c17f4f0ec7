"""What the parent and the scanning child say to each other, as JSON on stdin and stdout."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from certcheck.model.observation import Check, TlsVersion

# sslyze's names of its commands. Each is the proxy's user, too: so the bridge knows what a hello
# is for.
CONNECTIVITY = "connectivity"
CERTIFICATES = "certificate_info"
SUITES: Mapping[TlsVersion, str] = {
    "SSLv2": "ssl_2_0_cipher_suites",
    "SSLv3": "ssl_3_0_cipher_suites",
    "TLSv1.0": "tls_1_0_cipher_suites",
    "TLSv1.1": "tls_1_1_cipher_suites",
    "TLSv1.2": "tls_1_2_cipher_suites",
    "TLSv1.3": "tls_1_3_cipher_suites",
}
RENEGOTIATION = "session_renegotiation"
EARLY_DATA = "tls_1_3_early_data"
FALLBACK = "tls_fallback_scsv"
# The checks that each of the other commands answers.
CHECKS: Mapping[str, tuple[str, ...]] = {
    "heartbleed": ("heartbleed",),
    "robot": ("robot",),
    "openssl_ccs_injection": ("ccs_injection",),
    "tls_compression": ("compression",),
    RENEGOTIATION: ("secure_renegotiation", "client_renegotiation"),
    FALLBACK: ("fallback_scsv",),
    "tls_extended_master_secret": ("extended_master_secret",),
    "session_resumption": ("session_resumption",),
    EARLY_DATA: ("early_data",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to scan, through which proxy.

    `newest` is the newest accepted version below TLS 1.3, which most checks are about. Inside TLS
    the server speaks first if it `greets`, and `farewell` is what a client says before it goes.
    """

    host: str
    port: int
    proxy_port: int
    token: str
    at_once: int
    commands: tuple[str, ...]
    newest: TlsVersion | None
    greets: bool
    farewell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One trust store's word on one chain; `reason` is empty when it accepts."""

    store: str
    date: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One chain that sslyze got, as PEM, leaf first."""

    with_sni: bool
    chain: tuple[str, ...]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Accepted and refused suites by version, chains, checks, and what failed, by command."""

    suites: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refused: dict[str, tuple[str, ...]] = field(default_factory=dict)
    served: tuple[Served, ...] = ()
    checks: dict[str, Check] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
