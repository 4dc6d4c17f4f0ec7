"""What an installation will do to people's sessions is told before, and is true."""

import imaplib
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from certcheck.lab import Lab
from tests.conftest import Certcheck


@contextmanager
def logged_in(lab: Lab, *, how_many: int) -> Iterator[list[imaplib.IMAP4_SSL]]:
    trust = ssl.create_default_context()
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    programs = [
        imaplib.IMAP4_SSL("127.0.0.1", lab.ports.imaps, ssl_context=trust, timeout=30)
        for _ in range(how_many)
    ]
    try:
        for program, user in zip(programs, lab.users, strict=False):
            program.login(user.login, user.password)
        yield programs
    finally:
        for program in programs:
            program.shutdown()


def rehearsed(lab: Lab, certcheck: Certcheck) -> str:
    done = certcheck("install", "-c", lab.config, "--dry-run", "--json")
    (note,) = [
        str(row["note"])
        for row in done.document["rows"]
        if str(row["note"]).startswith("dovecot: ")
    ]
    return note


def test_logged_in_sessions_are_counted_and_end(fresh_lab: Lab, certcheck: Certcheck) -> None:
    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    with logged_in(fresh_lab, how_many=2) as programs:
        note = rehearsed(fresh_lab, certcheck)
        assert certcheck("install", "-c", fresh_lab.config).code == 0
        # 6 s after a reload Dovecot says BYE to a session that is idle, and hangs up; on a busy
        # machine the process that holds its TLS may be gone before the BYE gets through.
        ended = programs[0].readline()
        assert ended == b"" or ended.startswith(b"* BYE")

    assert "the reload ends 2 logged-in sessions within seconds" in note
    assert "shutdown_clients = no lets them go on" in note


def test_sessions_that_go_on_are_told_as_such(fresh_lab: Lab, certcheck: Certcheck) -> None:
    config = fresh_lab.path / "dovecot" / "dovecot.conf"
    config.write_text(f"{config.read_text()}shutdown_clients = no\n")
    subprocess.run(["doveadm", "-c", config, "reload"], check=True, timeout=30)
    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    with logged_in(fresh_lab, how_many=1) as (program,):
        note = rehearsed(fresh_lab, certcheck)
        assert certcheck("install", "-c", fresh_lab.config).code == 0
        answer, _ = program.noop()

    assert note == "dovecot: 1 logged-in session will go on, with the old certificate"
    assert answer == "OK"
