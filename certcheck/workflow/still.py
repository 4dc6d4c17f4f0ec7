"""What was seen, without all that differs from one look to the next: so that two can be equal."""

import re
from collections.abc import Iterable
from dataclasses import replace

from certcheck.model.observation import Capabilities, Deployment, Observation
from certcheck.targets import endpoint

# What servers say anew each time: APOP's stamp (RFC 1939 7), dates, times, session numbers.
_FLEETING = re.compile(
    r"<[^<>@\s]+@[^<>\s]+>"
    r"|(?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?\b\d{1,2} [A-Z][a-z]{2} \d{4}\b"
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d\b"
    r"|\b\d{4}-\d\d-\d\d(?:T|\b)"
    r"|\b\d\d:\d\d:\d\d(?:\.\d+)?(?: ?(?:Z|[+-]\d{4}|\([A-Z]+\)))*"
    r"|(?<!\S)\[?(?=[^\s\]]*\d)(?=[^\s\]]*[A-Za-z])[A-Za-z0-9_-]{12,}\]?(?!\S)"
)


def still(observation: Observation) -> Observation:
    """The observation without times and counts of this look, and sorted."""
    return replace(
        observation,
        at=None,
        attempts=0,
        detail=without_fleeting(observation.detail),
        transcript=(),
        connections=0,
        capabilities=_still(observation.capabilities),
        deployments=tuple(sorted(map(_of_any_number, observation.deployments), key=_kind)),
    )


def numbered(observations: Iterable[Observation]) -> tuple[Observation, ...]:
    """The observations by host, port and address, with ids in this order."""
    ordered = sorted(observations, key=_place)
    return tuple(replace(each, id=f"o{n}") for n, each in enumerate(ordered, 1))


def without_fleeting(text: str) -> str:
    """The text with `…` for dates, times and the numbers of sessions."""
    return _FLEETING.sub("…", text)


def _place(observation: Observation) -> tuple[str, int, str, str]:
    service = endpoint(observation.endpoint)
    return service.host.ascii, service.port, service.scheme, observation.address or ""


def _still(said: Capabilities) -> Capabilities:
    return Capabilities(
        greeting=without_fleeting(said.greeting),
        before_tls=_sorted(said.before_tls),
        after_tls=_sorted(said.after_tls),
        auth_before_tls=_sorted(said.auth_before_tls),
        auth_after_tls=_sorted(said.auth_after_tls),
        size=said.size,
    )


def _sorted(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))


def _of_any_number(deployment: Deployment) -> Deployment:
    # How often a certificate was met among several is chance; trust is of a store, not of the host.
    return replace(deployment, seen=1, of=1, trust=())


def _kind(deployment: Deployment) -> tuple[bool, str, str]:
    return deployment.server_name is None, deployment.key_type, deployment.leaf.sha256
