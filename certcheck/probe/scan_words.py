"""What the parent and the scanning child say to each other, as JSON on stdin and stdout."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to scan, through which proxy; `versions` are those whose suites are wanted."""

    host: str
    port: int
    proxy_port: int
    user: str
    token: str
    at_once: int
    versions: tuple[str, ...]
    certificates: bool


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
    """The accepted suites by version, the chains, and what failed, by name of the command."""

    suites: dict[str, tuple[str, ...]]
    served: tuple[Served, ...]
    failed: dict[str, str]
