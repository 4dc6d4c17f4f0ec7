"""`--mailboxes ACCOUNTS`: what each account finds, and what of it differs from a snapshot."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from certcheck.judge.changes import Terms, at
from certcheck.judge.mailbox_changes import mailbox as differences
from certcheck.judge.mailbox_changes import unseen
from certcheck.model.account import Account
from certcheck.model.change import Change
from certcheck.model.endpoint import Scheme
from certcheck.model.finding import Finding
from certcheck.model.mailbox import Mailbox
from certcheck.model.observation import Observation
from certcheck.probe.limits import Gate
from certcheck.probe.mailbox import mailbox
from certcheck.probe.session import Service
from certcheck.targets import endpoint
from certcheck.workflow.asking import Asking, Progress, Step, hosts_of
from certcheck.workflow.awaited import awaited
from certcheck.workflow.still import without_fleeting

# Of two services that show the same, the one whose TLS cannot be stripped comes first.
_ORDER: tuple[Scheme, ...] = ("imaps", "imap", "pop3s", "pop3", "sieve")
_AT_ONCE = 5


def looked_into(
    accounts: Sequence[Account],
    now: Sequence[Observation],
    asking: Asking,
    *,
    before: Sequence[Mailbox] = (),
    seen: Progress,
) -> tuple[Mailbox, ...]:
    """What each account finds by the services that were seen, by login.

    Where mail came since `before`, what is left of the earlier mail is counted.
    """
    if not accounts:
        return ()
    known = {each.login: _next_uids(each) for each in before}
    found = awaited(_all(accounts, now, asking, known, seen))
    return tuple(sorted(map(_still, found), key=lambda each: each.login))


def services(now: Sequence[Observation], asking: Asking) -> tuple[Service, ...]:
    """Where to log in: what was seen, implicit TLS first."""
    open_ = [(endpoint(o.endpoint), o.address) for o in now if o.outcome == "seen" and o.address]
    return tuple(
        Service(endpoint=e, address=address, port=asking.dialled(e, address).port)
        for scheme in _ORDER
        for e, address in open_
        if e.scheme == scheme and address
    )


def changed(
    before: Sequence[Mailbox], after: Sequence[Mailbox], terms: Terms
) -> tuple[Change, ...]:
    """What differs in the mailboxes that were looked into both times."""
    now = {each.login: each for each in after}
    return tuple(
        at(view.endpoint, view.address, difference, terms)
        for was in before
        if was.login in now
        for view, difference in differences(was, now[was.login])
    )


def not_seen(before: Sequence[Mailbox], after: Sequence[Mailbox]) -> Iterator[Finding]:
    """A finding for each mailbox that was open before and could not be looked into now."""
    now = {each.login: each for each in after}
    for was in before:
        for text in unseen(was, now.get(was.login)):
            yield Finding(
                id=f"mailbox_not_seen-{was.login}-{len(text)}",
                rule="mailbox_not_seen",
                severity="warning",
                verdict="inconclusive",
                observation="",
                endpoint=was.imap.endpoint if was.imap else "",
                address=None,
                message=f"{text}. Nobody knows whether its mail is there.",
            )


async def _all(
    accounts: Sequence[Account],
    now: Sequence[Observation],
    asking: Asking,
    known: Mapping[str, Mapping[str, int]],
    seen: Progress,
) -> list[Mailbox]:
    where = services(now, asking)
    gate = Gate(asking.limits, hosts_of(now))
    turns = asyncio.Semaphore(_AT_ONCE)
    done = 0

    async def one(account: Account) -> Mailbox:
        nonlocal done
        async with turns:
            found = await mailbox(
                account,
                where,
                gate=gate,
                limits=asking.limits,
                roots=asking.roots,
                known=known.get(account.mailbox, {}),
            )
        done += 1
        seen(Step(what=f"mailbox of {account.mailbox}", done=done, total=len(accounts)))
        return found

    return list(await asyncio.gather(*map(one, accounts)))


def _next_uids(before: Mailbox) -> Mapping[str, int]:
    folders = before.imap.folders if before.imap else ()
    return {folder.name: folder.uidnext for folder in folders if folder.uidnext}


def _still(found: Mailbox) -> Mailbox:
    views = {name: getattr(found, name) for name in ("imap", "pop3", "sieve")}
    return replace(
        found,
        **{
            name: replace(view, detail=without_fleeting(view.detail))
            for name, view in views.items()
            if view is not None
        },
    )
