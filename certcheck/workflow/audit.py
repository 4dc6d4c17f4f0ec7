"""`certcheck audit`: what every port offers, and what is wrong with it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from certcheck.judge.rule import findings
from certcheck.judge.trust import trusted
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Endpoint
from certcheck.model.finding import SEVERITIES, Finding, Severity
from certcheck.model.observation import Deployment, Observation, Trust
from certcheck.model.run import Run, worst
from certcheck.probe.observe import Depth
from certcheck.targets import endpoint
from certcheck.workflow.asking import Asking, Progress
from certcheck.workflow.clues import Discovery
from certcheck.workflow.fingerprints import observe, with_observations
from certcheck.workflow.predicting import Wish, foretold, unasked, with_knocks


def audit(  # noqa: PLR0913 - each is an option of the command
    blank: Run,
    endpoints: Sequence[Endpoint],
    asking: Asking,
    *,
    depth: Depth,
    fail_on: Severity,
    seen: Progress,
    discovery: Discovery | None = None,
    wish: Wish | None = None,
) -> Run:
    """The run with observations and findings; exit 1 for a bad one, 3 for what was not seen.

    With a `discovery`, whose endpoints these are, it tells how each was found; with a `wish` what
    mail programs will do. Where all is planned, nobody is asked.
    """
    now = blank.started
    if wish and wish.plan and wish.plan.whole:
        return foretold(blank, [unasked(each) for each in endpoints if each.expected], wish, now)
    plain = observe(endpoints, asking, depth=depth, at=now, seen=seen)
    if wish and wish.knocks:
        plain = with_knocks(plain, wish, asking, seen=seen)
    observations = tuple(_with_given_roots(o, asking.roots, now) for o in plain)
    judged = findings(observations, now)
    run = with_observations(blank, endpoints, observations)
    run = discovery.told(run) if discovery else run
    if wish:
        run = foretold(run, observations, wish, now)
    codes = [3 if run.error else 0, *(_code(finding, fail_on) for finding in judged)]
    return replace(run, findings=judged, exit_code=worst(*codes))


def _with_given_roots(
    observation: Observation, roots: Sequence[Certificate], now: datetime
) -> Observation:
    # The verdict of the store `given` on each deployment.
    if not roots:
        return observation
    host = endpoint(observation.endpoint).host.ascii
    return replace(
        observation,
        deployments=tuple(_judged(d, roots, host, now) for d in observation.deployments),
    )


def _judged(
    deployment: Deployment, roots: Sequence[Certificate], host: str, now: datetime
) -> Deployment:
    verdict, reason = trusted(deployment.chain, roots, name=host, now=now)
    given = Trust(store="given", date=None, verdict=verdict, reason=reason)
    return replace(deployment, trust=(*deployment.trust, given))


def _code(finding: Finding, fail_on: Severity) -> int:
    if finding.verdict == "inconclusive":
        return 3
    bad = SEVERITIES.index(finding.severity) >= SEVERITIES.index(fail_on)
    return 1 if finding.verdict == "fail" and bad else 0
