"""The lab as a mail user sees it: logins, and a mail that arrives."""

import base64
import imaplib
import poplib
import smtplib
import subprocess
import time
from email.message import EmailMessage

import pytest

from certcheck.lab import Lab, User
from tests.lab.asking import LOOPBACK, arrived, service, trusting, until


@pytest.fixture
def alice(lab: Lab) -> User:
    return next(user for user in lab.users if user.login.startswith("alice@"))


def test_alice_logs_in_by_imap(lab: Lab, alice: User) -> None:
    with imaplib.IMAP4(LOOPBACK, service(lab, "imap").port, timeout=10) as starttls:
        starttls.starttls(trusting())
        assert starttls.login(alice.login, alice.password)[0] == "OK"
    port = service(lab, "imaps").port
    with imaplib.IMAP4_SSL(LOOPBACK, port, ssl_context=trusting(), timeout=10) as implicit:
        assert implicit.login(alice.login, alice.password)[0] == "OK"


def test_alice_logs_in_by_pop3(lab: Lab, alice: User) -> None:
    starttls = poplib.POP3(LOOPBACK, service(lab, "pop3").port, timeout=10)
    starttls.stls(trusting())
    implicit = poplib.POP3_SSL(LOOPBACK, service(lab, "pop3s").port, context=trusting(), timeout=10)
    for session in (starttls, implicit):
        session.user(alice.login)
        assert session.pass_(alice.password).startswith(b"+OK")
        session.quit()


def test_alice_logs_in_to_sieve(lab: Lab, alice: User) -> None:
    token = base64.b64encode(f"\0{alice.login}\0{alice.password}".encode()).decode()
    port = service(lab, "sieve").port
    with subprocess.Popen(
        ["openssl", "s_client", "-connect", f"{LOOPBACK}:{port}", "-starttls", "sieve", "-quiet"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as client:
        said, _ = client.communicate(
            f'AUTHENTICATE "PLAIN" "{token}"\r\nLOGOUT\r\n'.encode(), timeout=20
        )

    assert b'OK "Logged in."' in said


def test_a_wrong_password_is_refused_and_does_not_slow_down(lab: Lab, alice: User) -> None:
    port = service(lab, "imaps").port
    started = time.monotonic()
    for _ in range(3):
        with (
            imaplib.IMAP4_SSL(LOOPBACK, port, ssl_context=trusting(), timeout=10) as session,
            pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"),
        ):
            session.login(alice.login, "wrong")

    assert time.monotonic() - started < 3


@pytest.mark.parametrize("scheme", ["submission", "submissions"])
def test_a_submitted_mail_arrives(lab: Lab, alice: User, scheme: str) -> None:
    subject = f"by {scheme} at {time.monotonic_ns()}"
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = alice.login, alice.login, subject
    port = service(lab, scheme).port

    if scheme == "submission":
        session = smtplib.SMTP(LOOPBACK, port, timeout=10)
        session.starttls(context=trusting())
    else:
        session = smtplib.SMTP_SSL(LOOPBACK, port, context=trusting(), timeout=10)
    with session:
        session.login(alice.login, alice.password)
        session.send_message(message)

    until(lambda: arrived(lab, alice, subject))


def test_submission_wants_tls_and_smtp_is_no_relay(lab: Lab) -> None:
    with smtplib.SMTP(LOOPBACK, service(lab, "submission").port, timeout=10) as session:
        session.ehlo()
        assert session.mail("a@example.test")[0] == 530
    with smtplib.SMTP(LOOPBACK, service(lab, "smtp").port, timeout=10) as session:
        session.ehlo()
        session.mail("a@example.org")
        assert session.rcpt("b@example.org")[0] == 554
