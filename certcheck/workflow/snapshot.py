"""`certcheck snapshot`: all that a later `verify` holds a mail host against, as one document."""

from collections.abc import Sequence
from dataclasses import replace

from certcheck.judge.rule import findings
from certcheck.model.account import Account
from certcheck.model.endpoint import Endpoint
from certcheck.model.finding import Finding
from certcheck.model.mailbox import Mailbox
from certcheck.model.observation import Observation
from certcheck.model.run import Failure, Run
from certcheck.probe.observe import Depth
from certcheck.workflow.asking import Asking, Progress, look
from certcheck.workflow.awaited import awaited
from certcheck.workflow.mailboxes import looked_into
from certcheck.workflow.published import published
from certcheck.workflow.still import numbered, still

DEPTH: Depth = "hellos"


def snapshot(
    blank: Run,
    endpoints: Sequence[Endpoint],
    asking: Asking,
    *,
    accounts: Sequence[Account] = (),
    seen: Progress,
) -> Run:
    """The run with every port as it is, closed ones too, what DNS says, and the mailboxes.

    Two runs on an unchanged host differ in `id`, `started` and `finished` only. Exit 3 where a
    port, or a part of what it offers, could not be seen; its finding says which.
    """
    observations, doubtful = looked_at(blank, endpoints, asking, seen=seen)
    missing = silent(endpoints, observations)
    mailboxes = looked_into(accounts, observations, asking, seen=seen)
    doubtful = (*doubtful, *map(_closed_to_us, filter(_is_shut, mailboxes)))
    return replace(
        blank,
        observations=observations,
        findings=doubtful,
        mailboxes=mailboxes,
        dns=published(endpoints, resolver=asking.resolver),
        counts=counted(observations),
        error=missing,
        exit_code=3 if missing or doubtful else 0,
    )


def looked_at(
    blank: Run, endpoints: Sequence[Endpoint], asking: Asking, *, seen: Progress
) -> tuple[tuple[Observation, ...], tuple[Finding, ...]]:
    """What is there now, still and sorted; and what of it could not be seen."""
    found = awaited(look(endpoints, asking, depth=DEPTH, at=blank.started, seen=seen))
    ordered = numbered(found)
    unseen = tuple(f for f in findings(ordered, blank.started) if f.verdict == "inconclusive")
    return tuple(map(still, ordered)), unseen


def counted(observations: Sequence[Observation]) -> dict[str, int]:
    """How many places were seen, closed, without TLS, or not to be seen."""
    outcomes = [each.outcome for each in observations]
    return {name: outcomes.count(name) for name in ("seen", "closed", "inconclusive")} | {
        "without_tls": sum(each in {"no_tls", "tls_failed"} for each in outcomes)
    }


def silent(endpoints: Sequence[Endpoint], observations: Sequence[Observation]) -> Failure | None:
    """The error for hosts that were asked in general and have no open port at all."""
    there = {o.endpoint for o in observations if o.outcome != "closed"}
    named = {e.host for e in endpoints if e.expected or e.url in there}
    names = ", ".join(sorted(host.in_url for host in {e.host for e in endpoints} - named))
    if not names:
        return None
    return Failure(message=f"no mail port of {names} is open", hint="name one: imap://HOST:PORT")


def _is_shut(mailbox: Mailbox) -> bool:
    views = (mailbox.imap, mailbox.pop3)
    return not any(view and view.outcome == "opened" for view in views)


def _closed_to_us(mailbox: Mailbox) -> Finding:
    views = [view for view in (mailbox.imap, mailbox.pop3) if view]
    why = "; ".join(f"{view.outcome}: {view.detail}" for view in views) or "no service was seen"
    return Finding(
        id=f"mailbox_not_seen-{mailbox.login}",
        rule="mailbox_not_seen",
        severity="warning",
        verdict="inconclusive",
        observation="",
        endpoint=views[0].endpoint if views else "",
        address=None,
        message=f"{mailbox.login} could not be looked into, so a later verify has nothing to "
        "compare with. Is the password right, and is the certificate trusted here (--ca-file)?",
        evidence=why,
    )
