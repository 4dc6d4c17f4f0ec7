"""Mailboxes of a real Dovecot: what is seen there, and that nothing is changed by looking."""

import poplib
from dataclasses import replace

import pytest

from certcheck.lab import Lab
from certcheck.model.endpoint import Hostname
from certcheck.model.mailbox import Folder, Namespace
from certcheck.probe.mailbox import Patience
from tests.lab.asking import until
from tests.live.mailboxes import (
    account,
    at,
    by_imap,
    dovecot_with,
    fill,
    look,
    mail_tree,
    opened,
    put_script,
    roots,
    services,
)

MASTERS = "admin:{PLAIN}pw-admin\n"
MORE = """
mail_plugins = quota
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=1M
  quota_rule2 = *:messages=100
}}
namespace inbox {{
  mailbox Sent {{
    special_use = \\Sent
    auto = create
  }}
}}
auth_master_user_separator = *
passdb {{
  driver = passwd-file
  args = {directory}/dovecot/masters
  master = yes
}}
"""
# Who is in no file so far is looked up by a program that fails (111, as checkpassword has it).
TROUBLE = """
passdb {{
  driver = checkpassword
  args = {directory}/dovecot/fails
}}
"""


@pytest.fixture(scope="module")
def filled(shared: Lab) -> Lab:
    with opened(shared, "alice") as session:
        for folder in ("Entw&APw-rfe", "Archive.2024.&2D3eAA-", "R&-D", '"a \\"b\\""', "Gone"):
            assert session.create(folder)[0] == "OK"
        session.subscribe("Gone")
        session.subscribe("Entw&APw-rfe")
        session.delete("Gone")
        fill(session, "INBOX", 3)
        fill(session, "Entw&APw-rfe", 2)
        session.select("INBOX")
        session.store("1", "+FLAGS", "\\Seen")
        session.store("2", "+FLAGS", "\\Deleted")
    put_script(shared, "alice", "vacation", active=True)
    put_script(shared, "alice", "old")
    return shared


def test_folders_are_listed_with_their_numbers(filled: Lab) -> None:
    seen = by_imap(filled, account("alice"))

    assert (seen.outcome, seen.detail, seen.separator) == ("opened", "", ".")
    assert seen.namespaces == (Namespace(kind="personal", prefix="", separator="."),)
    assert [each.name for each in seen.folders] == [
        "Archive", "Archive.2024", "Archive.2024.😀", "Entwürfe", "INBOX", "R&D", 'a "b"',
    ]  # fmt: skip
    by_name = {each.name: each for each in seen.folders}
    assert by_name["Archive"] == Folder(name="Archive", selectable=False)
    inbox, drafts = by_name["INBOX"], by_name["Entwürfe"]
    assert (inbox.messages, inbox.unseen, inbox.uidnext, inbox.subscribed) == (3, 2, 4, False)
    assert (drafts.messages, drafts.unseen, drafts.uidnext, drafts.subscribed) == (2, 2, 3, True)
    assert seen.subscribed_missing == ("Gone",)
    with opened(filled, "alice") as session:
        _, told = session.status("INBOX", "(UIDVALIDITY)")
    assert told == [b"INBOX (UIDVALIDITY %d)" % (inbox.uidvalidity or 0)]


def test_pop3_and_sieve_are_asked_too(filled: Lab) -> None:
    seen = look(account("alice"), services(filled), roots(filled))

    assert seen.login == "alice@example.test"
    assert seen.pop3
    assert (seen.pop3.outcome, seen.pop3.messages) == ("opened", 3)
    assert len(seen.pop3.uidl_sha256 or "") == 64
    assert seen.sieve
    assert (seen.sieve.outcome, seen.sieve.scripts) == ("opened", ("old", "vacation"))
    assert seen.sieve.active == "vacation"


def test_both_modes_of_tls_show_the_same_and_so_does_a_second_look(filled: Lab) -> None:
    implicit = look(account("alice"), services(filled), roots(filled))
    again = look(account("alice"), services(filled), roots(filled))
    starttls = look(account("alice"), services(filled, "imap", "pop3"), roots(filled))

    assert implicit == again
    assert implicit.imap
    assert starttls.imap
    assert replace(starttls.imap, endpoint=implicit.imap.endpoint) == implicit.imap
    assert starttls.pop3
    assert implicit.pop3
    assert starttls.pop3.uidl_sha256 == implicit.pop3.uidl_sha256
    assert starttls.sieve is None


def test_a_look_by_imap_changes_no_mail_and_no_flag(filled: Lab) -> None:
    with opened(filled, "bob") as session:
        fill(session, "INBOX", 1)
    before = mail_tree(filled, "bob")
    assert any(path.startswith("Maildir/new/") for path in before)

    by_imap(filled, account("bob"))
    by_imap(filled, account("bob"), "imap")

    assert mail_tree(filled, "bob") == before


def test_a_look_by_pop3_and_sieve_takes_no_mail_and_marks_none_as_read(filled: Lab) -> None:
    with opened(filled, "bob") as session:
        fill(session, "INBOX", 1)
    # By POP3 alone, Dovecot takes \\Recent from what anybody logs in to: `new` becomes `cur`.
    before = {k.replace("/new/", "/cur/").removesuffix(":2,"): v
              for k, v in mail_tree(filled, "bob").items()}  # fmt: skip

    look(account("bob"), services(filled, "pop3s", "sieve"), roots(filled))

    after = {k.replace("/new/", "/cur/").removesuffix(":2,"): v
             for k, v in mail_tree(filled, "bob").items()}  # fmt: skip
    assert after == before


def test_an_empty_mailbox_is_opened(shared: Lab) -> None:
    first, second = (look(account("carol"), services(shared), roots(shared)) for _ in range(2))

    assert first == second
    assert first.imap
    assert [(each.name, each.messages) for each in first.imap.folders] == [("INBOX", 0)]
    assert first.pop3
    assert first.pop3.messages == 0
    assert first.sieve
    assert (first.sieve.scripts, first.sieve.active) == ((), None)


def test_a_wrong_password_is_refused_everywhere_and_tried_once(filled: Lab) -> None:
    log = filled.path / "log" / "dovecot.log"
    start = log.stat().st_size

    seen = look(
        account("alice", "hunter2"),
        services(filled, "imaps", "imap", "pop3s", "pop3", "sieve"),
        roots(filled),
    )

    assert seen.imap
    assert seen.pop3
    assert seen.sieve
    assert {seen.imap.outcome, seen.pop3.outcome, seen.sieve.outcome} == {"refused"}
    assert "AUTHENTICATIONFAILED" in seen.imap.detail
    assert seen.imap.folders == ()
    until(lambda: log.read_text()[start:].count("auth failed, 1 attempts") >= 3)
    assert log.read_text()[start:].count("auth failed, 1 attempts") == 3
    assert "hunter2" not in repr(seen)


def test_no_password_goes_to_a_server_that_is_not_trusted(filled: Lab) -> None:
    log = filled.path / "log" / "dovecot.log"
    start = log.stat().st_size
    other = Hostname(ascii="imap.example.test", unicode="imap.example.test")

    unknown = look(account("alice"), services(filled), ())
    misnamed = look(account("alice"), [at("imaps", filled.ports.imaps, other)], roots(filled))

    assert unknown.imap
    assert (unknown.imap.outcome, unknown.imap.detail) == (
        "not_seen", "the certificate is not accepted: self-signed certificate",
    )  # fmt: skip
    assert misnamed.imap
    assert "certificate is not valid for 'imap.example.test'" in misnamed.imap.detail
    assert "auth failed" not in log.read_text()[start:]
    assert "Login: user" not in log.read_text()[start:]


def test_a_closed_port_is_told_and_the_next_one_asked(filled: Lab) -> None:
    closed = at("imaps", 1)

    alone = look(account("alice"), [closed], roots(filled))
    both = look(account("alice"), [closed, *services(filled, "imap")], roots(filled))

    assert alone.imap
    assert (alone.imap.outcome, "closed" in alone.imap.detail) == ("not_seen", True)
    assert both.imap
    assert both.imap.outcome == "opened"


def test_a_dovecot_with_everything_tells_it(filled: Lab) -> None:
    (filled.path / "dovecot" / "masters").write_text(MASTERS)
    with dovecot_with(filled, MORE.format(directory=filled.path)) as ports:
        mine = [at("imap", ports["imap"]), at("pop3", ports["pop3"]), at("sieve", ports["sieve"])]

        bob = look(account("bob"), mine, roots(filled))
        by_master = look(account("bob", "pw-admin", master="admin"), mine, roots(filled))
        not_hers = look(account("bob", "pw-bob", master="admin"), mine, roots(filled))

    assert bob.imap
    assert {each.name: each.special_use for each in bob.imap.folders} == {
        "INBOX": (), "Sent": ("\\Sent",),
    }  # fmt: skip
    assert [(q.root, q.resource, q.limit) for q in bob.imap.quota] == [
        ("User quota", "MESSAGE", 100), ("User quota", "STORAGE", 1024),
    ]  # fmt: skip
    assert bob.imap.quota[0].usage == bob.imap.folders[0].messages
    assert by_master == bob
    assert by_master.login == "bob@example.test"
    assert not_hers.imap
    assert not_hers.imap.outcome == "refused"


def test_a_server_that_cannot_look_up_passwords_is_unavailable(filled: Lab) -> None:
    program = filled.path / "dovecot" / "fails"
    program.write_text("#!/bin/sh\nexit 111\n")
    program.chmod(0o755)
    with dovecot_with(filled, TROUBLE.format(directory=filled.path)) as ports:
        mine = [at("imap", ports["imap"]), at("pop3", ports["pop3"]), at("sieve", ports["sieve"])]

        first, second = (look(account("dave", "x"), mine, roots(filled)) for _ in range(2))

    for seen in (first.imap, first.pop3, first.sieve):
        assert seen
        assert seen.outcome == "unavailable", seen.detail
    assert first.imap
    assert "[UNAVAILABLE]" in first.imap.detail
    # Dovecot puts the time into its words.
    assert first == second


def test_a_pop3_mailbox_that_somebody_else_has_open_is_not_seen(filled: Lab) -> None:
    with dovecot_with(filled, "pop3_lock_session = yes\n") as ports:
        other = poplib.POP3("127.0.0.1", ports["pop3"], timeout=10)
        other.user("alice@example.test")
        other.pass_("pw-alice")

        # Dovecot waits for the other session itself, for 10 s, before it says no.
        once = Patience(session=20.0, rests=())
        mine = [at("pop3", ports["pop3"])]
        seen = look(account("alice"), mine, roots(filled), patience=once)
        other.quit()

    assert seen.pop3
    assert seen.pop3.outcome == "not_seen"
    assert "IN-USE" in seen.pop3.detail
