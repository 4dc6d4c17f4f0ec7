import socket
import threading

import pytest

from certcheck.dns import Resolver, addresses
from certcheck.names import hostname

MAIL = hostname("mail.example.test")
UNKNOWN = hostname("no-such-name.invalid")


def test_the_systems_way_knows_etc_hosts() -> None:
    got = addresses(hostname("localhost"), resolver=Resolver(), family="ipv4")

    assert (got.status, got.records, got.secure) == ("found", ("127.0.0.1",), False)


def test_the_systems_way_never_takes_a_failure_for_an_address() -> None:
    got = addresses(UNKNOWN, resolver=Resolver(timeout=10))

    assert got.status in {"none", "failed"}  # as the system's resolver can tell
    assert got.records == ()
    assert got.detail.startswith("no-such-name.invalid: ")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "none"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "failed"),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure"), "failed"),
        (UnicodeError("label too long"), "none"),
    ],
)
def test_the_systems_errors_keep_none_and_failed_apart(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: str
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fails)

    assert addresses(MAIL, resolver=Resolver()).status == status


def test_a_system_resolver_that_hangs_is_failed_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    end = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [end.wait(20)][:0])

    got = addresses(MAIL, resolver=Resolver(timeout=0.2))
    end.set()

    assert (got.status, got.detail) == ("failed", "mail.example.test: no answer within 0.2 s")
