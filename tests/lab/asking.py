"""What the tests of the lab ask its services, and how they wait."""

import imaplib
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from certcheck.lab import Lab, User
from certcheck.lab.greeting import greet
from certcheck.model.endpoint import Endpoint
from certcheck.targets import endpoint

LOOPBACK = "127.0.0.1"


def until(condition: Callable[[], object], *, seconds: float = 15) -> None:
    """Wait until the condition is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether no process has this pid, or only a dead one that its parent has not collected yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def service(lab: Lab, scheme: str) -> Endpoint:
    """The endpoint of the lab with this scheme."""
    found = [endpoint(url) for url in lab.host.endpoints]
    return next(each for each in found if each.scheme == scheme)


def trusting() -> ssl.SSLContext:
    """TLS that takes any certificate: the test looks at something else."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def arrived(lab: Lab, user: User, subject: str) -> bool:
    """Whether the user has a mail with this subject."""
    port = service(lab, "imaps").port
    with imaplib.IMAP4_SSL(LOOPBACK, port, ssl_context=trusting(), timeout=10) as session:
        session.login(user.login, user.password)
        session.select("INBOX")
        _, found = session.search(None, "SUBJECT", f'"{subject}"')
    return found != [b""]


def greets(it: Endpoint) -> bool:
    """Whether the service answers as it should."""
    try:
        return bool(greet(it))
    except OSError:
        return False
