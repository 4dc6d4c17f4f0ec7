"""A judgement of one observation by one rule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from certcheck.model.observation import Verdict

Severity = Literal["info", "note", "warning", "error"]

SEVERITIES: tuple[Severity, ...] = ("info", "note", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule says: message for the admin, evidence from the server, remedy per server kind."""

    id: str
    rule: str
    severity: Severity
    verdict: Verdict
    observation: str
    endpoint: str
    address: str | None
    message: str
    evidence: str = ""
    remedy: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
