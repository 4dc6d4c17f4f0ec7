"""`certcheck verify`: what differs from a snapshot, and whether all serve what was announced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from certcheck.config import Expected, Site
from certcheck.errors import InputError
from certcheck.judge.changes import Terms, changes, dns_differences
from certcheck.judge.dns_changes import unknown
from certcheck.judge.rule import findings
from certcheck.model.account import Account
from certcheck.model.change import Acceptance
from certcheck.model.endpoint import Endpoint, Hostname
from certcheck.model.finding import Finding
from certcheck.model.mailbox import Mailbox
from certcheck.model.observation import Observation
from certcheck.model.record import Records
from certcheck.model.run import Run, worst
from certcheck.targets import endpoint
from certcheck.workflow import mail
from certcheck.workflow.announcing import Announced
from certcheck.workflow.asking import Asking, Progress
from certcheck.workflow.mailboxes import changed, looked_into, not_seen
from certcheck.workflow.published import published
from certcheck.workflow.retired import still_there
from certcheck.workflow.side_by_side import rows
from certcheck.workflow.snapshot import counted, looked_at, silent
from certcheck.workflow.steady import steadiness
from certcheck.workflow.still import numbered

# What a look without a snapshot demands (RFC 8996, RFC 9325 3.1.1).
_MODERN: Expected = {"protocols": frozenset({"TLSv1.2", "TLSv1.3"})}
_SHOWN_RULES = frozenset({"old_protocol", "login_before_tls"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is held against what: a snapshot, what is announced, and what is known of it."""

    before: Run | None = None
    announced: Announced = field(default_factory=Announced)
    accepted: Mapping[str, Acceptance] = field(default_factory=dict)
    retired: tuple[Hostname, ...] = ()
    accounts: tuple[Account, ...] = ()
    mail: Account | None = None


def verify(
    blank: Run,
    endpoints: Sequence[Endpoint],
    asking: Asking,
    verification: Verification,
    *,
    seen: Progress,
) -> Run:
    """The run with all changes by class; exit 1 for one that is bad, 3 for what was not seen.

    Raises InputError when there is nothing to verify against, or the snapshot is of other hosts.
    """
    before, announced = verification.before, verification.announced
    if before is None and not announced.by_endpoint:
        raise InputError(
            "there is nothing to verify against",
            hint="give --before FILE of certcheck snapshot, or --bundle BUNDLE[/GENERATION]",
        )
    then, left_out = _comparable(before, endpoints, asking) if before else ((), ())
    terms = _terms(asking.site, verification)
    now, doubtful = _steadily(blank, endpoints, asking, then, terms, seen=seen)
    dns = published(endpoints, resolver=asking.resolver)
    legs = mail.sent_round(blank, verification.mail, now, asking)
    known = before.mailboxes if before else ()
    mailboxes = looked_into(verification.accounts, now, asking, before=known, seen=seen)
    found = [
        *changes(then, now, terms),
        *(dns_differences(before.dns, dns, terms) if before else ()),
        *changed(known, mailboxes, terms),
        *mail.changed(verification.mail, legs, terms),
        *still_there(blank, endpoints, asking, verification.retired, terms),
    ]
    steady = steadiness(now, asking, announced, terms, known=found)
    found += steady.changes
    unclear = (*doubtful, *steady.doubts, *mail.not_seen(legs))
    if before:
        unclear += (
            *_unknown(before.dns, dns),
            *_mailboxes_not_seen(before, mailboxes, verification),
        )
    told = (*unclear, *left_out, *_open(now, blank, strict=before is None))
    return _concluded(
        replace(
            blank,
            bundle=_bundle(announced),
            observations=now,
            findings=tuple({f.id: f for f in told}.values()),
            changes=tuple({c.id: c for c in found}.values()),
            mailboxes=mailboxes,
            dns=dns,
            rows=(*rows(then, now), *mail.rows(legs)),
            counts=counted(now),
            error=silent(endpoints, now),
        ),
        strict=before is None,
    )


def refuse_other_hosts(before: Run, endpoints: Sequence[Endpoint], *, where: str) -> None:
    """Raise InputError when the snapshot shares no endpoint with what is looked at now."""
    then = {endpoint(o.endpoint) for o in before.observations}
    if not {e.url for e in endpoints} & {e.url for e in then}:
        theirs = ", ".join(sorted({str(e.host) for e in then})) or "no host"
        ours = ", ".join(sorted({str(e.host) for e in endpoints}))
        raise InputError(
            f"{where} is a snapshot of {theirs}, and not of {ours}",
            hint="give the snapshot of this host, or the TARGETs that it holds",
        )


def _terms(site: Site, verification: Verification) -> Terms:
    expected = dict(site.expected)
    if verification.before is None:
        expected = {**_MODERN, **expected}
    return Terms(
        announced=verification.announced.by_endpoint,
        known=verification.announced.leaves,
        expected=expected,
        accepted=verification.accepted,
    )


def _comparable(
    before: Run, endpoints: Sequence[Endpoint], asking: Asking
) -> tuple[tuple[Observation, ...], tuple[Finding, ...]]:
    """The observations of before that are asked for now, and a note for each that is left out."""
    asked = {e.url: e for e in endpoints}
    kept: list[Observation] = []
    left: list[Observation] = []
    for each in before.observations:
        if each.endpoint not in asked:
            continue
        wanted = _wanted_families(asked[each.endpoint], asking)
        (kept if _family(each) in wanted else left).append(each)
    return tuple(kept), tuple(map(_left_out, left))


def _wanted_families(service: Endpoint, asking: Asking) -> set[int | None]:
    redirects = asking.redirects_of(service)
    if redirects:
        return {None, *(ip_address(r.address).version for r in redirects)}
    return {"any": {None, 4, 6}, "ipv4": {None, 4}, "ipv6": {None, 6}}[asking.family]


def _family(observation: Observation) -> int | None:
    return ip_address(observation.address).version if observation.address else None


def _left_out(observation: Observation) -> Finding:
    return Finding(
        id=f"not_compared-{observation.endpoint}-{observation.address}",
        rule="not_compared",
        severity="note",
        verdict="not_applicable",
        observation=observation.id,
        endpoint=observation.endpoint,
        address=observation.address,
        message="The snapshot has this address, and it was not asked now, as --connect-to or -4 "
        "and -6 wanted. Verify it, too, before the work is done.",
    )


def _steadily(  # noqa: PLR0913 - passes on what `verify` was given
    blank: Run,
    endpoints: Sequence[Endpoint],
    asking: Asking,
    then: Sequence[Observation],
    terms: Terms,
    *,
    seen: Progress,
) -> tuple[tuple[Observation, ...], tuple[Finding, ...]]:
    """What is there now; a place that seems worse or doubtful is looked at twice.

    An accident on the way is no loss, and what is lost is lost at the second look, too.
    """
    now, doubtful = looked_at(blank, endpoints, asking, seen=seen)
    worse = {c.endpoint for c in changes(then, now, terms) if c.bad and c.field != "deployments"}
    suspect = worse | {f.endpoint for f in doubtful}
    again = [e for e in endpoints if e.url in suspect]
    if not again:
        return now, doubtful
    second, still_doubtful = looked_at(blank, again, asking, seen=seen)
    merged = numbered([*(o for o in now if o.endpoint not in suspect), *second])
    by_place = {(o.endpoint, o.address): o.id for o in merged}
    return merged, tuple(
        replace(f, observation=by_place[f.endpoint, f.address]) for f in still_doubtful
    )


def _open(now: Sequence[Observation], blank: Run, *, strict: bool) -> tuple[Finding, ...]:
    """What is not as it should be, whether or not it was so before."""
    judged = (f for f in findings(now, blank.started) if f.verdict == "fail")
    if strict:
        return tuple(f for f in judged if f.severity == "error" or f.rule in _SHOWN_RULES)
    return tuple(f for f in judged if f.rule in _SHOWN_RULES)


def _unknown(
    before: Mapping[str, Mapping[str, Records]], after: Mapping[str, Mapping[str, Records]]
) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            id=f"dns_not_seen-{name}-{kind}",
            rule="dns_not_seen",
            severity="warning",
            verdict="inconclusive",
            observation="",
            endpoint=name,
            address=None,
            message=f"The {kind.upper()} look-up failed, which had an answer before: nobody knows "
            "whether it differs. Look at the resolver, then run this again.",
        )
        for name, kinds in after.items()
        for kind, now in kinds.items()
        if (was := before.get(name, {}).get(kind)) and unknown(was, now)
    )


def _mailboxes_not_seen(
    before: Run, now: Sequence[Mailbox], verification: Verification
) -> tuple[Finding, ...]:
    if verification.accounts or not before.mailboxes:
        return tuple(not_seen(before.mailboxes, now))
    return (
        Finding(
            id="mailboxes_not_compared",
            rule="not_compared",
            severity="note",
            verdict="not_applicable",
            observation="",
            endpoint="",
            address=None,
            message=f"The snapshot holds {len(before.mailboxes)} mailboxes, which were not looked "
            "into now: give --mailboxes ACCOUNTS.",
        ),
    )


def _bundle(announced: Announced) -> str | None:
    refs = dict.fromkeys(g.ref for g in announced.by_endpoint.values())
    return ", ".join(refs) or None


def _concluded(run: Run, *, strict: bool) -> Run:
    codes = [
        3 if run.error else 0,
        *(1 for change in run.changes if change.bad),
        *(3 for finding in run.findings if finding.verdict == "inconclusive"),
        *(
            1
            for finding in run.findings
            if strict and finding.verdict == "fail" and finding.severity == "error"
        ),
    ]
    return replace(run, exit_code=worst(*codes))
