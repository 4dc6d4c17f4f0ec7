"""What differs in a mailbox: what is lost, what came meanwhile, what makes programs start anew."""

from dataclasses import replace
from typing import Any

import pytest

from certcheck.judge.difference import Difference
from certcheck.judge.mailbox_changes import mailbox, unseen
from certcheck.model.mailbox import (
    Folder,
    ImapMailbox,
    Mailbox,
    Namespace,
    Pop3Mailbox,
    Quota,
    SieveScripts,
)

INBOX = Folder(name="INBOX", messages=10, uidvalidity=7, uidnext=15, unseen=2, subscribed=True)
SENT = replace(INBOX, name="Sent", special_use=("\\Sent",))
AT: dict[str, Any] = {"endpoint": "imaps://mail.example.org:993", "address": "192.0.2.7"}
IMAP = ImapMailbox(
    **AT,
    outcome="opened",
    separator="/",
    namespaces=(Namespace(kind="personal", prefix="", separator="/"),),
    folders=(INBOX, SENT),
    quota=(Quota(root="User quota", resource="STORAGE", usage=5, limit=1000),),
)
POP3 = Pop3Mailbox(
    **AT,
    outcome="opened",
    messages=3,
    uidl_sha256="old",
    uidl_marks=("a", "b", "c"),
    uidls=("a", "b", "c"),
)
SIEVE = SieveScripts(**AT, outcome="opened", scripts=("main", "spare"), active="main")
WHOLE = Mailbox(login="alice@example.org", imap=IMAP, pop3=POP3, sieve=SIEVE)


def _found(after: Mailbox, before: Mailbox = WHOLE) -> list[Difference]:
    return [difference for _, difference in mailbox(before, after)]


def _inbox(**facts: Any) -> Mailbox:
    return _imap(folders=(replace(INBOX, **facts), SENT))


def _imap(**facts: Any) -> Mailbox:
    return replace(WHOLE, imap=replace(IMAP, **facts))


def _pop3(**facts: Any) -> Mailbox:
    return replace(WHOLE, pop3=replace(POP3, **facts))


def _sieve(**facts: Any) -> Mailbox:
    return replace(WHOLE, sieve=replace(SIEVE, **facts))


@pytest.mark.parametrize(
    ("after", "expected", "says"),
    [
        (_imap(folders=(INBOX,)), "mailbox.folder lost", "gone, with 10 messages"),
        (_imap(folders=(INBOX, SENT, replace(SENT, name="New"))), "mailbox.folder gained", "new"),
        (_inbox(messages=9), "mailbox.messages lost", "1 message is missing"),
        (_inbox(messages=8, uidnext=17), "mailbox.messages lost", "2 messages are missing"),
        (
            _inbox(messages=10, uidnext=17, earlier=8),
            "mailbox.messages lost",
            "2 messages are missing",
        ),
        (_inbox(messages=12, uidnext=17), "mailbox.messages gained", "2 messages are new"),
        (_inbox(uidvalidity=8), "mailbox.uidvalidity lost", "downloads everything again"),
        (_inbox(uidnext=11), "mailbox.uidnext lost", "went back"),
        (_inbox(unseen=9), "mailbox.unseen weakened", "7 messages are unread again"),
        (_inbox(subscribed=False), "mailbox.subscribed lost", "no longer subscribed"),
        (
            _imap(folders=(INBOX, replace(SENT, special_use=()))),
            "mailbox.special_use weakened",
            "\\Sent is gone",
        ),
        (_imap(separator="."), "mailbox.separator lost", "downloads everything again"),
        (_imap(namespaces=()), "mailbox.namespaces lost", "no longer find"),
        (
            _imap(quota=(replace(IMAP.quota[0], limit=500),)),
            "mailbox.quota weakened",
            "500 now, 1000 before",
        ),
        (_imap(quota=(replace(IMAP.quota[0], limit=2000),)), "mailbox.quota gained", "2000"),
        (
            _imap(folders=(replace(INBOX, messages=0, uidnext=1, uidvalidity=9),)),
            "mailbox.folders lost",
            "empty, and held 20 messages in 2 folders",
        ),
        (
            _imap(outcome="unavailable", detail="NO [UNAVAILABLE] Temporary"),
            "mailbox.login lost",
            "a stored hash that the new software does not take (NO [UNAVAILABLE] Temporary)",
        ),
        (_imap(outcome="refused"), "mailbox.login lost", "can no longer log in by IMAP"),
        (
            _pop3(uidl_sha256="new", uidls=("x", "y", "z")),
            "mailbox.uidls lost",
            "downloads everything again",
        ),
        (_pop3(uidl_sha256=None, uidls=()), "mailbox.uidls lost", "no UIDL any more"),
        (
            _pop3(messages=2, uidl_sha256="new", uidls=("a", "c")),
            "mailbox.pop3_messages lost",
            "1 fewer",
        ),
        (_sieve(scripts=("main",)), "mailbox.scripts lost", "spare"),
        (_sieve(active=None), "mailbox.active_script lost", "main"),
    ],
)
def test_one_thing_that_differs_is_told_by_its_name(
    after: Mailbox, expected: str, says: str
) -> None:
    (found,) = _found(after)

    assert f"{found.field} {found.class_}" == expected
    assert says in found.message
    assert found.message.startswith("alice@example.org")


@pytest.mark.parametrize(
    "after",
    [
        WHOLE,
        _inbox(unseen=0),
        _inbox(messages=10, uidnext=17),
        _inbox(messages=10, uidnext=17, earlier=10),
        _imap(quota=(replace(IMAP.quota[0], usage=900),)),
        _pop3(messages=4, uidl_sha256="new", uidls=("a", "b", "c", "d")),
        _sieve(scripts=("main", "spare", "third")),
        _imap(outcome="not_seen"),
        replace(WHOLE, pop3=None),
    ],
)
def test_what_owners_do_meanwhile_and_what_nobody_saw_is_no_change(after: Mailbox) -> None:
    assert _found(after) == []


def test_what_was_not_open_before_cannot_be_lost() -> None:
    before = _imap(outcome="refused", folders=())

    assert _found(_imap(folders=(INBOX,)), before) == []


@pytest.mark.parametrize("after", [None, replace(WHOLE, imap=None), _imap(outcome="not_seen")])
def test_a_mailbox_that_was_open_and_could_not_be_asked_is_told(after: Mailbox | None) -> None:
    told = list(unseen(WHOLE, after))

    assert any("alice@example.org" in text and "IMAP" in text for text in told)
    assert list(unseen(WHOLE, WHOLE)) == []
