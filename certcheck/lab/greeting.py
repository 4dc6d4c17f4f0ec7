"""Waiting until every port of a lab answers as it should."""

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from certcheck.errors import Obstacle
from certcheck.lab.daemons import Daemon, Daemons
from certcheck.lab.ports import LOOPBACK
from certcheck.model.endpoint import Endpoint, Protocol

_GREETINGS: dict[Protocol, bytes] = {
    "imap": b"* OK",
    "pop3": b"+OK",
    "smtp": b"220",
    "lmtp": b"220",
    "sieve": b'"IMPLEMENTATION"',
}
_PAUSE = 0.02
_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question to a daemon: `ask` raises OSError as long as the answer is not right."""

    daemon: Daemon
    what: str
    ask: Callable[[], object]


def wait(checks: Sequence[Check], daemons: Daemons, *, seconds: float) -> None:
    """Return when all checks have passed; raises Obstacle with the last words of what does not."""
    deadline = time.monotonic() + seconds
    for check in checks:
        while not _passes(check):
            daemons.check()
            if time.monotonic() > deadline:
                raise Obstacle(
                    f"{check.daemon.name} does not answer ({check.what}): "
                    f"{check.daemon.last_words}",
                    hint=f"see {check.daemon.log or check.daemon.output}",
                )
            time.sleep(_PAUSE)


def greet(endpoint: Endpoint, address: str = LOOPBACK) -> str:
    """The greeting of a mail service at an address, inside TLS where TLS comes first.

    Raises OSError when it is not there or says something else.
    """
    with ExitStack() as stack:
        plain = socket.create_connection((address, endpoint.port), timeout=_TIMEOUT)
        connection = stack.enter_context(plain)
        if endpoint.tls_mode == "implicit":
            connection = stack.enter_context(_trusting().wrap_socket(connection))
        said = connection.recv(4096)
    if not said.startswith(_GREETINGS[endpoint.protocol]):
        raise ConnectionError(f"{endpoint.label} says {said!r}")
    return said.decode(errors="replace").strip()


def listens(port: int) -> None:
    """Return when somebody accepts on the port; raises OSError otherwise."""
    socket.create_connection((LOOPBACK, port), timeout=_TIMEOUT).close()


def _passes(check: Check) -> bool:
    try:
        check.ask()
    except OSError:
        return False
    return True


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # whether it greets is the question, not as whom
    return context
