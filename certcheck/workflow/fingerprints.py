"""`certcheck fingerprints`: which certificate every port serves now."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from certcheck.model.endpoint import Endpoint
from certcheck.model.observation import Observation
from certcheck.model.run import Failure, Run
from certcheck.probe.observe import Depth
from certcheck.workflow.asking import Asking, Progress, look
from certcheck.workflow.awaited import awaited


def fingerprints(
    blank: Run, endpoints: Sequence[Endpoint], asking: Asking, *, seen: Progress
) -> Run:
    """The run with one observation per endpoint and address; exit 3 when one was not seen."""
    observations = observe(endpoints, asking, depth="certificates", at=blank.started, seen=seen)
    run = with_observations(blank, endpoints, observations)
    missing = [o for o in observations if o.outcome != "seen"]
    return replace(run, exit_code=3 if missing or run.error else 0)


def observe(
    endpoints: Sequence[Endpoint],
    asking: Asking,
    *,
    depth: Depth,
    at: datetime,
    seen: Progress,
) -> tuple[Observation, ...]:
    """What is there, without the closed ports that nobody asked for by name."""
    asked = {e.url for e in endpoints if e.expected}
    everything = awaited(look(endpoints, asking, depth=depth, at=at, seen=seen))
    return tuple(o for o in everything if o.outcome != "closed" or o.endpoint in asked)


def with_observations(
    blank: Run, endpoints: Sequence[Endpoint], observations: Sequence[Observation]
) -> Run:
    """The run with what was seen and its counts, and an error for hosts without any open port."""
    outcomes = [o.outcome for o in observations]
    there = {o.endpoint for o in observations}
    silent = {e.host for e in endpoints} - {e.host for e in endpoints if e.url in there}
    names = ", ".join(sorted(host.in_url for host in silent))
    return replace(
        blank,
        observations=tuple(observations),
        counts={"seen": outcomes.count("seen"), "inconclusive": outcomes.count("inconclusive")},
        connections=sum(o.connections for o in observations),
        error=Failure(message=f"no mail port of {names} is open", hint="name one: imap://HOST:PORT")
        if silent
        else None,
    )
