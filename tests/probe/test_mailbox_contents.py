"""What is in the mailboxes of hostile servers: an answer of some kind, in time."""

import time

import pytest

from certcheck.model.mailbox import (
    Namespace,
    Quota,
)
from certcheck.probe.mailbox import Patience
from tests.probe.opening import (
    imap,
    listed,
    looked,
    pop3,
    sieve,
)
from tests.zoo.keeper import Visitor
from tests.zoo.mailbox_animals import IMAP, Answer, box

# --- Folders ---


def test_a_name_that_holds_a_command_is_sent_as_a_literal() -> None:
    name = b"\x1b]0;x\x07\r\na9 LOGOUT"
    heard: list[bytes] = []

    def status(visitor: Visitor) -> None:
        visitor.say(b"+ \r\n")
        heard.extend((visitor.hear(), visitor.hear()))
        visitor.say(b"* STATUS {17}\r\n" + name)
        visitor.say(b" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 UNSEEN 0)\r\na6 OK\r\n")

    seen = imap(listed(b'* LIST () "/" {17}\r\n' + name), {"STATUS {17}": status})

    assert heard == [name[:6], name[8:] + b" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"]
    (folder,) = seen.folders
    assert (folder.name, folder.messages) == (r"\x1b]0;x\x07\x0d\x0aa9 LOGOUT", 1)


def test_names_are_shown_in_unicode() -> None:
    lines = [
        b'* LIST () "/" "&ABs-[31m"',
        b'* LIST () "/" {2}\r\n\r\n',
        b'* LIST () "/" "&2D3eAA-"',
        b'* LIST () "/" "a \\"b\\" \\\\c"',
        b"* LIST () NIL inbox",
        b'* LIST () "/" "\xfc"',
    ]
    noselect = [line.replace(b"()", b"(\\NoSelect)") for line in lines]

    seen = imap(listed(*noselect))

    assert [each.name for each in seen.folders] == [
        "\x1b[31m", "INBOX", r"\x0d\x0a", r"\xfc", 'a "b" \\c', "😀",
    ]  # fmt: skip
    assert {each.messages for each in seen.folders} == {None}


def test_flags_subscriptions_namespaces_and_quota_are_told() -> None:
    words = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR NAMESPACE QUOTA\r\n%T OK\r\n"
    seen = imap(
        {"CAPABILITY": words,
         "NAMESPACE": b'* NAMESPACE (("" "/")("#mh/" "/" "X" ("a"))) NIL '
                      b'(("Sh&APY-/" NIL))\r\n%T OK\r\n',
         "LSUB": b'* LSUB () "/" inbox\r\n* LSUB () "/" "gone"\r\n%T OK\r\n',
         "GETQUOTAROOT": b'* QUOTAROOT INBOX "" b\r\n* QUOTA "" (STORAGE 10 512)\r\n'
                         b"* QUOTA b (MESSAGE 1 2 X-Y 3 4)\r\n%T OK\r\n"},
        listed(b'* LIST (\\junk \\X \\Sent) "/" INBOX'),
    )  # fmt: skip

    assert seen.detail == ""
    assert seen.namespaces == (
        Namespace(kind="personal", prefix="", separator="/"),
        Namespace(kind="personal", prefix="#mh/", separator="/"),
        Namespace(kind="shared", prefix="Shö/", separator=None),
    )
    (inbox,) = seen.folders
    assert (inbox.special_use, inbox.subscribed) == (("\\Junk", "\\Sent"), True)
    assert seen.subscribed_missing == ("gone",)
    assert seen.quota == (
        Quota(root="", resource="STORAGE", usage=10, limit=512),
        Quota(root="b", resource="MESSAGE", usage=1, limit=2),
        Quota(root="b", resource="X-Y", usage=3, limit=4),
    )


def test_a_folder_whose_status_lacks_something_is_examined() -> None:
    heard: list[bytes] = []
    seen = looked([("imaps", box(
        IMAP,
        {"STATUS": b"* STATUS INBOX (MESSAGES 5)\r\n%T OK\r\n",
         "EXAMINE": b"* 7 EXISTS\r\n* OK [UIDVALIDITY 8] x\r\n* OK [UIDNEXT 9] {3}\r\n"
                    b"%T OK [READ-ONLY]\r\n",
         "SEARCH UNSEEN": b"* SEARCH 1 2 3\r\n%T OK\r\n"},
        heard=heard))]).imap  # fmt: skip

    assert seen
    (inbox,) = seen.folders
    assert (inbox.messages, inbox.uidvalidity, inbox.uidnext, inbox.unseen) == (7, 8, 9, 3)
    verbs = {line.split()[1] for line in heard}
    assert not verbs & {b"SELECT", b"STORE", b"FETCH", b"CLOSE", b"EXPUNGE"}


def test_a_folder_that_does_not_tell_is_listed_without_numbers() -> None:
    seen = imap({"STATUS": b"%T NO [NOPERM] not yours\r\n"})

    assert seen.outcome == "opened"
    assert [each.messages for each in seen.folders] == [None]
    assert seen.detail == "'INBOX': NO [NOPERM] not yours"


def test_one_command_tells_all_where_the_server_can() -> None:
    heard: list[bytes] = []
    words = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR LIST-EXTENDED LIST-STATUS\r\n%T OK\r\n"
    status = b"* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 UNSEEN 1)\r\n"

    seen = looked([("imaps", box(
        IMAP,
        {"CAPABILITY": words,
         "LIST (SUBSCRIBED)": b'* LIST (\\Subscribed) "/" INBOX\r\n%T OK\r\n'},
        listed(b'* LIST () "/" INBOX', status.strip()), heard=heard))]).imap  # fmt: skip

    assert seen
    assert seen.folders == imap({"LSUB": b'* LSUB () "/" INBOX\r\n%T OK\r\n'}).folders
    assert not [line for line in heard if b" STATUS INBOX" in line]


# --- Broken answers ---


def _for_ever(line: bytes) -> Answer:
    def answer(visitor: Visitor) -> None:
        while True:
            visitor.say(line * 500)

    return answer


def _hang_up(visitor: Visitor) -> None:
    visitor.sock.close()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"AUTHENTICATE": b"%T OK\r\n* BYE over\r\n"}, "goodbye"),
        ({"AUTHENTICATE": _hang_up}, "connection"),
        ({"AUTHENTICATE": b"\x00\xff\r\n"}, "no answer"),
        ({'LIST "" "*"': b"* BYE\r\n"}, "goodbye"),
        ({'LIST "" "*"': _hang_up}, "closes the connection after LIST"),
        ({'LIST "" "*"': lambda visitor: visitor.stay_silent()}, "silent"),
        ({'LIST "" "*"': b"%T NO\r\n"}, "LIST: NO"),
        ({'LIST "" "*"': b"rubbish\r\n"}, "no answer: rubbish"),
        ({'LIST "" "*"': b"zz9 OK\r\n"}, "no answer"),
        ({'LIST "" "*"': b"+ go on\r\n"}, "no answer"),
        ({'LIST "" "*"': b'* LIST () "/" {999999999}\r\n'}, "literal"),
        ({'LIST "" "*"': b'* LIST () "/" {70000000}\r\n'}, "literal"),
        ({'LIST "" "*"': b"* LIST\r\n%T OK\r\n"}, "no IMAP"),
        ({'LIST "" "*"': b'* LIST () "/"\r\n%T OK\r\n'}, "no IMAP"),
        ({'LIST "" "*"': b'* LIST (("/" INBOX\r\n%T OK\r\n'}, "no IMAP"),
        ({'LIST "" "*"': b'* LIST ) "/" INBOX\r\n%T OK\r\n'}, "no IMAP"),
        ({'LIST "" "*"': b'* LIST () "/" "INB\r\n%T OK\r\n'}, "no IMAP"),
        ({'LIST "" "*"': b'* LIST () "/" (a)\r\n%T OK\r\n'}, "no IMAP"),
        ({'LIST "" "*"': b"* LIST " + b"(" * 100_000 + b"\r\n%T OK\r\n"}, "no IMAP"),
        ({"STATUS": b"* STATUS\r\n%T OK\r\n"}, "no IMAP"),
        ({"STATUS": b"* STATUS INBOX (MESSAGES -1)\r\n%T OK\r\n"}, "no IMAP"),
        ({"STATUS": b"* STATUS INBOX (MESSAGES 99999999999999999999)\r\n%T OK\r\n"}, "no IMAP"),
        ({"STATUS": b"* STATUS INBOX (MESSAGES (1))\r\n%T OK\r\n"}, "no IMAP"),
        ({"STATUS": "* STATUS INBOX (MESSAGES ٣)\r\n%T OK\r\n".encode()}, "no IMAP"),
    ],
)  # fmt: skip
def test_a_broken_answer_is_not_seen_and_says_why(change: dict[str, Answer], word: str) -> None:
    seen = imap(change, patience=Patience(session=1.0))

    assert seen.outcome == "not_seen"
    assert word in seen.detail, seen.detail
    assert (seen.folders, seen.separator) == ((), None)


@pytest.mark.parametrize(
    "line",
    [b'* LIST () "/" x\r\n', b"* 1 EXISTS\r\n", b"* OK [ALERT] x\r\n", b"x" * 1000, b"\n",
     b"* LIST () NIL {0}\r\n"],
    ids=["folders", "noise", "alerts", "one line", "empty lines", "literals"],
)  # fmt: skip
def test_an_endless_answer_ends(line: bytes) -> None:
    start = time.monotonic()

    seen = imap({'LIST "" "*"': _for_ever(line)})

    assert seen.outcome == "not_seen"
    assert time.monotonic() - start < 60


@pytest.mark.parametrize(
    "answer",
    [b"+OK\r\nrubbish\r\n.\r\n", b"+OK\r\n1\r\n", b"rubbish\r\n", _hang_up, _for_ever(b"1 a\r\n")],
)
def test_broken_uidls_are_not_seen(answer: Answer) -> None:
    assert pop3({"UIDL": answer}).outcome == "not_seen"


def test_a_server_without_uidls_is_opened_without_a_digest() -> None:
    seen = pop3({"UIDL": b"-ERR what?\r\n"})

    assert (seen.outcome, seen.messages, seen.uidl_sha256) == ("opened", 2, None)


def test_the_digest_tells_order_and_ids_apart() -> None:
    digests = {
        pop3({"UIDL": b"+OK\r\n" + lines + b".\r\n"}).uidl_sha256
        for lines in (b"1 a\r\n2 b\r\n", b"1 b\r\n2 a\r\n", b"1 ab\r\n", b"", b"1 \x1b\xff\r\n")
    }

    assert len(digests) == 5


@pytest.mark.parametrize(
    ("answer", "scripts"),
    [
        (b'"a\\"b" ACTIVE\r\n{3}\r\nx\r\n\r\nOK\r\n', ('a"b', "x\r\n")),
        (b'"\xff\xc3\xbc"\r\nOK "done"\r\n', ("\\xffü",)),
        (b"OK\r\n", ()),
    ],
)
def test_script_names_of_any_kind_are_told(answer: bytes, scripts: tuple[str, ...]) -> None:
    assert sieve({"LISTSCRIPTS": answer}).scripts == scripts


@pytest.mark.parametrize(
    "answer", [b"rubbish\r\n", b'"a" ODD\r\nOK\r\n', b"NO\r\n", b"BYE\r\n", _hang_up]
)
def test_broken_lists_of_scripts_are_not_seen(answer: Answer) -> None:
    assert sieve({"LISTSCRIPTS": answer}).outcome == "not_seen"
