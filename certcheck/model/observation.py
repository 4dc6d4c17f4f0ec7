"""What was seen at one endpoint and address: facts, without judgement."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from certcheck.model.certificate import Certificate, KeyType
from certcheck.model.endpoint import TlsMode

Outcome = Literal["seen", "closed", "no_tls", "tls_failed", "inconclusive"]
Reason = Literal[
    "refused",
    "starttls_not_offered",
    "starttls_garbled",
    "plain_on_tls_port",
    "preauth",
    "tls_on_plain_port",
    "tls_unavailable_454",
    "closed_after_go_ahead",
    "injected_bytes",
    "handshake_failed",
    "unreachable",
    "unresolved",
    "greeting_timeout",
    "handshake_timeout",
    "rate_limited",
    "bye",
    "rejected_554",
    "wrong_protocol",
    "oversized",
]
TlsVersion = Literal["SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
Preference = Literal["server", "client"]
# What the server wants of the client's own certificate: to see one if there is one, or to see one.
Demand = Literal["asked", "required"]
Verdict = Literal["pass", "fail", "not_applicable", "inconclusive"]

OUTCOMES: Mapping[Reason, Outcome] = {
    "refused": "closed",
    "starttls_not_offered": "no_tls",
    "starttls_garbled": "no_tls",
    "plain_on_tls_port": "no_tls",
    "preauth": "no_tls",
    "tls_on_plain_port": "tls_failed",
    "tls_unavailable_454": "tls_failed",
    "closed_after_go_ahead": "tls_failed",
    "injected_bytes": "tls_failed",
    "handshake_failed": "tls_failed",
    "unreachable": "inconclusive",
    "unresolved": "inconclusive",
    "greeting_timeout": "inconclusive",
    "handshake_timeout": "inconclusive",
    "rate_limited": "inconclusive",
    "bye": "inconclusive",
    "rejected_554": "inconclusive",
    "wrong_protocol": "inconclusive",
    "oversized": "inconclusive",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the server says of itself before and after TLS; empty, too, where it was not asked."""

    greeting: str = ""
    before_tls: tuple[str, ...] = ()
    after_tls: tuple[str, ...] = ()
    auth_before_tls: tuple[str, ...] = ()
    auth_after_tls: tuple[str, ...] = ()
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whether one trust store, of one date, accepts the served chain for the name."""

    store: str
    date: str | None
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One chain that the endpoint serves; `server_name` is None where no SNI was sent."""

    key_type: KeyType
    server_name: str | None
    chain: tuple[Certificate, ...]
    seen: int = 1
    of: int = 1
    possession_proven: bool = True
    trust: tuple[Trust, ...] = ()

    @property
    def leaf(self) -> Certificate:
        """The server's own certificate: the first of the chain."""
        return self.chain[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Whether a server passes one check for a known hole; `detail` says how, as far as known."""

    verdict: Verdict
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """Suites that a server refuses: each by a hello of its own, or all of a family by one hello.

    A family's refusal is confirmed, and sampled with a hello for one of its suites.
    """

    singly: tuple[str, ...] = ()
    with_family: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Every refused suite."""
        return (*self.singly, *self.with_family)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """What a server really said to a stack's hello: no `version` where it refused.

    With a `doubt` it is not known.
    """

    stack: str
    version: TlsVersion | None = None
    suite: str | None = None
    doubt: str = ""
    connections: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One endpoint at one address. `outcome` speaks of the handshake with SNI only.

    In a snapshot there is no `at`, and nothing else that differs from one look to the next.
    """

    id: str
    endpoint: str
    tls_mode: TlsMode
    address: str | None
    server_name: str | None
    at: datetime | None
    attempts: int = 1
    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    transcript: tuple[str, ...] = ()
    capabilities: Capabilities = field(default_factory=Capabilities)
    protocols: tuple[TlsVersion, ...] = ()
    cipher_suites: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refusals: Mapping[str, Refusals] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    preference: Preference | None = None
    deployments: tuple[Deployment, ...] = ()
    checks: Mapping[str, Check] = field(default_factory=dict)
    engines: tuple[str, ...] = ()
    connections: int = 0
    doubts: tuple[str, ...] = ()
    disagreements: tuple[str, ...] = ()
    client_certificate: Demand | None = None
    knocks: tuple[Knock, ...] = ()

    @property
    def certificates(self) -> tuple[Deployment, ...]:
        """What is served, each leaf once; what is served with SNI comes first."""
        found: dict[str, Deployment] = {}
        for each in sorted(self.deployments, key=lambda each: each.server_name is None):
            if each.chain:
                found.setdefault(each.leaf.sha256, each)
        return tuple(found.values())

    @property
    def mixed(self) -> tuple[tuple[Deployment, ...], ...]:
        """Where one question, of an SNI name and a kind of key, got different certificates."""
        answers: dict[tuple[str, str | None], list[Deployment]] = {}
        for each in self.deployments:
            if each.chain:
                answers.setdefault((each.key_type, each.server_name), []).append(each)
        return tuple(
            tuple(found) for found in answers.values() if len({e.leaf.sha256 for e in found}) > 1
        )
