"""Logging in to hostile servers: in time, by what is offered, and no leak."""

import asyncio
import base64

import pytest

from certcheck.model.account import Account, Password
from certcheck.model.endpoint import Scheme
from certcheck.model.mailbox import (
    Mailbox,
)
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.mailbox import mailbox
from certcheck.probe.session import Service
from tests.probe.opening import (
    PASSWORD,
    imap,
    looked,
    pop3,
    sieve,
    zoo_roots,
)
from tests.zoo.identities import asking_for_certificates
from tests.zoo.keeper import Visitor, kept
from tests.zoo.mailbox_animals import IMAP, POP3, box
from tests.zoo.visit import at


def test_a_tame_server_is_opened() -> None:
    assert imap().outcome == "opened"
    assert [each.messages for each in imap().folders] == [1]
    assert (pop3().outcome, pop3().messages) == ("opened", 2)
    assert (sieve().outcome, sieve().scripts, sieve().active) == ("opened", ("a", "b"), "b")


# --- What must not leak ---


@pytest.mark.parametrize("scheme", ["imaps", "pop3s"])
def test_no_byte_of_a_password_goes_to_a_server_that_is_not_verified(scheme: Scheme) -> None:
    heard: list[bytes] = []
    answers = IMAP if scheme == "imaps" else POP3

    seen = looked([(scheme, box(answers, heard=heard))], roots=())

    view = seen.imap or seen.pop3
    assert view
    assert view.outcome == "not_seen"
    assert "self-signed" in view.detail
    assert heard == []


def test_no_byte_of_it_goes_where_the_certificate_is_bad_and_the_server_wants_ours() -> None:
    # The one case in which the prober's own handshake goes on without the end of TLS.
    heard: list[bytes] = []

    def behaviour(visitor: Visitor) -> None:
        visitor.tls(asking_for_certificates(required=False, newest="TLSv1_3"))
        while True:
            heard.append(visitor.hear())

    seen = looked([("imaps", behaviour)], roots=())

    assert seen.imap
    assert "not accepted" in seen.imap.detail
    assert heard == []


def test_no_byte_of_it_goes_over_a_line_without_tls() -> None:
    heard: list[bytes] = []

    def behaviour(visitor: Visitor) -> None:
        visitor.say(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] zoo\r\n")
        while True:
            heard.append(visitor.hear())
            visitor.say(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nc1 OK\r\n")

    seen = looked([("imap", behaviour)])

    assert seen.imap
    assert (seen.imap.outcome, heard) == ("not_seen", [b"c1 CAPABILITY"])


def test_a_session_that_is_open_already_gets_no_password() -> None:
    heard: list[bytes] = []

    seen = looked([("imaps", box(IMAP, {"greeting": b"* PREAUTH hello\r\n"}, heard=heard))])

    assert seen.imap
    assert (seen.imap.outcome, heard) == ("not_seen", [])


@pytest.mark.parametrize("told", [PASSWORD, base64.b64encode(PASSWORD.encode()).decode()])
def test_a_server_that_repeats_the_password_is_quoted_without_it(told: str) -> None:
    line = f"%T NO no such password: {told} sorry\r\n".encode()

    seen = imap({"AUTHENTICATE": line})

    assert (seen.outcome, seen.detail) == ("refused", "NO no such password: ... sorry")


# --- Ways in ---


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (b"AUTH=PLAIN SASL-IR", b"a1 AUTHENTICATE PLAIN AGFsaWNl"),
        (b"AUTH=PLAIN", b"a1 AUTHENTICATE PLAIN"),
        (b"", b'a1 LOGIN "alice@example.test" {16}'),
    ],
)
def test_imap_logs_in_by_what_is_offered(words: bytes, first: bytes) -> None:
    heard: list[bytes] = []
    go_on = b"+ \r\n"
    message = base64.b64encode(f"\0alice@example.test\0{PASSWORD}".encode())

    seen = looked([("imaps", box(
        IMAP,
        {"CAPABILITY": b"* CAPABILITY IMAP4rev1 " + words + b"\r\n%T OK\r\n",
         "AUTHENTICATE PLAIN": b"a1 OK\r\n" if b"IR" in words else go_on,
         "LOGIN": go_on, message.decode(): b"a1 OK\r\n", "hunter2": b"a1 OK\r\n"},
        heard=heard))])  # fmt: skip

    assert seen.imap
    assert seen.imap.outcome == "opened", seen.imap.detail
    assert any(line.startswith(first) for line in heard), heard
    sent = PASSWORD.encode() if b"PLAIN" not in words else message
    assert any(line.endswith(sent) for line in heard)


def test_where_no_login_is_offered_no_password_goes_out() -> None:
    heard: list[bytes] = []
    words = {"CAPABILITY": b"* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=GSSAPI\r\n%T OK\r\n"}

    seen = looked([("imaps", box(IMAP, words, heard=heard))])

    assert seen.imap
    assert seen.imap.outcome == "not_seen"
    assert [line.split()[1] for line in heard] == [b"CAPABILITY"]


def test_a_master_user_says_whose_mailbox_it_opens() -> None:
    heard: list[bytes] = []
    master = Account(login="alice@example.test*admin", password=Password(PASSWORD))

    seen = looked([("imaps", box(IMAP, heard=heard))], account=master)

    message = base64.b64encode(f"alice@example.test\0admin\0{PASSWORD}".encode())
    assert heard[1] == b"a1 AUTHENTICATE PLAIN " + message
    assert seen.login == "alice@example.test"


def test_pop3_logs_in_without_sasl_and_with_a_long_password() -> None:
    old: list[bytes] = []
    long: list[bytes] = []
    capa = {"CAPA": b"+OK\r\nUIDL\r\n.\r\n"}
    password = Password("hunter2" * 40)

    by_user = looked([("pop3s", box(POP3, capa, heard=old))])
    by_auth = looked(
        [("pop3s", box(POP3, {"AUTH PLAIN": b"+ \r\n", "AGFs": b"+OK\r\n"}, heard=long))],
        account=Account(login="alice", password=password),
    )

    assert by_user.pop3
    assert by_user.pop3.outcome == "opened"
    assert old[1:3] == [b"USER alice@example.test", b"PASS " + PASSWORD.encode()]
    assert by_auth.pop3
    assert by_auth.pop3.outcome == "opened"
    assert max(map(len, long[:2])) < 255
    assert b"AUTH PLAIN" in long


# --- What a no means ---


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        (b"NO [AUTHENTICATIONFAILED] try again later", "refused"),
        (b"NO [AUTHORIZATIONFAILED] no", "refused"),
        (b"NO LOGIN failed", "refused"),
        (b"NO [ALERT] Invalid credentials", "refused"),
        (b"NO [UNAVAILABLE] Temporary authentication failure.", "unavailable"),
        (b"NO [SERVERBUG] oops", "unavailable"),
        (b"NO Internal server error", "unavailable"),
        (b"NO [INUSE] x", "unavailable"),
        (b"BAD what?", "not_seen"),
    ],
)
def test_imap_says_whose_fault_it_is(line: bytes, outcome: str) -> None:
    seen = imap({"AUTHENTICATE": b"%T " + line + b"\r\n"})

    assert (seen.outcome, seen.detail) == (outcome, line.decode())


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        (b"-ERR [AUTH] no", "refused"),
        (b"-ERR account locked", "refused"),
        (b"-ERR [SYS/TEMP] x", "unavailable"),
        (b"-ERR Temporary problem, please try again later", "unavailable"),
        (b"-ERR [IN-USE] x", "not_seen"),
        (b"-ERR maildrop already locked", "not_seen"),
    ],
)
def test_pop3_says_whose_fault_it_is(line: bytes, outcome: str) -> None:
    seen = pop3({"AUTH": line + b"\r\n"})

    assert (seen.outcome, seen.detail) == (outcome, line.decode())


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        (b'NO "Authentication failed."', "refused"),
        (b'NO (TRYLATER) "Temporary authentication failure."', "unavailable"),
        (b"NO {5}\r\nlater", "unavailable"),
        (b'BYE (TRYLATER) "full"', "unavailable"),
    ],
)
def test_sieve_says_whose_fault_it_is(line: bytes, outcome: str) -> None:
    assert sieve({"AUTHENTICATE": line + b"\r\n"}).outcome == outcome


def test_a_mailbox_that_is_busy_for_a_moment_is_opened() -> None:
    busy = box(POP3, {"AUTH": b"-ERR [IN-USE] x\r\n"})
    free = box(POP3)

    seen = looked([("pop3s", lambda visitor: (free if visitor.number > 1 else busy)(visitor))])

    assert seen.pop3
    assert seen.pop3.outcome == "opened"


@pytest.mark.parametrize(
    "answer", [b"%T NO [AUTHENTICATIONFAILED] x\r\n", b"* BYE\r\n", b"%T BAD\r\n"]
)
def test_a_password_is_tried_at_one_port_only(answer: bytes) -> None:
    heard: list[bytes] = []
    other: list[bytes] = []

    seen = looked([
        ("imaps", box(IMAP, {"AUTHENTICATE": answer}, heard=heard)),
        ("imaps", box(IMAP, heard=other)),
    ])  # fmt: skip

    assert seen.imap
    assert seen.imap.outcome != "opened"
    assert (sum(b"AUTHENTICATE" in line for line in heard), other) == (1, [])


def test_a_server_with_too_many_clients_is_asked_once_more_before_any_password() -> None:
    full = box(IMAP, {"greeting": b"* BYE too many connections\r\n"})
    tame = box(IMAP)

    seen = looked([("imaps", lambda visitor: (tame if visitor.number > 1 else full)(visitor))])
    never = looked([("imaps", full)])

    assert seen.imap
    assert seen.imap.outcome == "opened"
    assert never.imap
    assert (never.imap.outcome, "too many" in never.imap.detail) == ("not_seen", True)


def test_all_accounts_at_once_keep_to_the_share_of_a_host() -> None:
    present, most = 0, 0

    def counted(visitor: Visitor) -> None:
        nonlocal present, most
        present += 1
        most = max(most, present)
        try:
            box(IMAP)(visitor)
        finally:
            present -= 1

    limits = Limits(timeout=10.0, per_host=2)
    with kept(counted) as place:
        service = Service(endpoint=at(place, "imaps"), address=place.address)
        gate = Gate(limits)

        async def all_of_them() -> list[Mailbox]:
            accounts = [Account(login=f"u{n}", password=Password("x")) for n in range(12)]
            return list(await asyncio.gather(*(
                mailbox(each, [service], gate=gate, limits=limits, roots=zoo_roots())
                for each in accounts)))  # fmt: skip

        seen = asyncio.run(all_of_them())

    assert {each.imap.outcome for each in seen if each.imap} == {"opened"}
    assert [each.login for each in seen] == [f"u{n}" for n in range(12)]
    assert most <= 2
