"""What a rule is made of: a check that yields faults, and the finding that each fault becomes."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from certcheck.model.finding import Finding, Severity
from certcheck.model.observation import Observation, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong, in words; `about` tells two faults of one rule at one place apart.

    `severity` is given where it differs from the rule's own.
    """

    message: str
    evidence: str = ""
    remedy: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    severity: Severity | None = None


Check = Callable[[Observation, datetime], Iterable[Fault]]
# What only shows between the addresses of one endpoint.
Across = Callable[[Sequence[Observation], datetime], Iterable[Fault]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One question to an observation, and `across` to all observations of one endpoint."""

    id: str
    severity: Severity
    verdict: Verdict
    source: str
    text: str
    check: Check
    across: Across | None = None

    def __call__(self, observation: Observation, now: datetime) -> Iterator[Finding]:
        """The findings, each with an id that stays the same as long as the fault does."""
        for fault in self.check(observation, now):
            yield self._finding(fault, observation)

    def over(self, observations: Sequence[Observation], now: datetime) -> Iterator[Finding]:
        """What shows only between the addresses of one endpoint: findings without an address."""
        if self.across:
            for fault in self.across(observations, now):
                yield self._finding(fault, replace(observations[0], address=None))

    def _finding(self, fault: Fault, observation: Observation) -> Finding:
        return Finding(
            id=_id(self.id, observation, fault.about),
            rule=self.id,
            severity=fault.severity or self.severity,
            verdict=self.verdict,
            observation=observation.id,
            endpoint=observation.endpoint,
            address=observation.address,
            message=fault.message,
            evidence=fault.evidence,
            remedy=fault.remedy,
            source=self.source,
        )


def rule(
    *, severity: Severity, source: str, verdict: Verdict = "fail", across: Across | None = None
) -> Callable[[Check], Rule]:
    """Makes a rule of a check: its name is the id, its docstring the documentation."""

    def made(check: Check) -> Rule:
        text = " ".join((check.__doc__ or "").split())
        return Rule(
            id=getattr(check, "__name__", ""),
            severity=severity,
            verdict=verdict,
            source=source,
            text=text,
            check=check,
            across=across,
        )

    return made


def _id(rule_id: str, observation: Observation, about: str) -> str:
    place = "\0".join((observation.endpoint, observation.address or "", about))
    digest = hashlib.sha256(place.encode("utf-8", "backslashreplace")).hexdigest()
    return f"{rule_id}-{digest[:10]}"
