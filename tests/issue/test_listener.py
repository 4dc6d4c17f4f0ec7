import http.client
import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from certcheck.errors import Obstacle
from certcheck.issue.http01 import Listener, Webroot
from tests.conftest import AS_NOBODY
from tests.issue.play import challenge

WELL_KNOWN = "/.well-known/acme-challenge/"
FIRST_FOR_ALL = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
PRESENT = """
import sys
from certcheck.errors import Obstacle
from certcheck.issue.http01 import Listener
from tests.issue.play import challenge

try:
    with Listener(int(sys.argv[1])).presented(challenge()):
        print("listening")
except Obstacle as e:
    print(e.message, e.hint)
"""


def answer(
    port: int, path: str, *, address: str = "127.0.0.1", method: str = "GET"
) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection(address, port, timeout=5)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read()


def test_a_presented_token_is_answered_on_every_address(free_port: int) -> None:
    addresses = ["127.0.0.1", "::1"]

    with Listener(free_port).presented(challenge()):
        got = [answer(free_port, f"{WELL_KNOWN}tok-EN_1", address=each) for each in addresses]

    assert got == [(200, b"tok-EN_1.thumb")] * 2


@pytest.mark.parametrize(
    "path",
    [
        "/",
        WELL_KNOWN,
        f"{WELL_KNOWN}other",
        f"{WELL_KNOWN}tok-EN_1/",
        f"{WELL_KNOWN}tok-EN_1?x",
        f"/x/..{WELL_KNOWN}tok-EN_1",
        f"{WELL_KNOWN}../../etc/passwd",
        "/tok-EN_1",
        "tok-EN_1",
    ],
)
def test_nothing_but_the_token_exists(free_port: int, path: str) -> None:
    with Listener(free_port).presented(challenge()):
        status, body = answer(free_port, path)

    assert (status, body) == (404, b"404\n")


def test_other_methods_are_refused(free_port: int) -> None:
    with Listener(free_port).presented(challenge()):
        status, _ = answer(free_port, f"{WELL_KNOWN}tok-EN_1", method="POST")

    assert status == 501


def test_one_listener_serves_several_challenges_until_the_last_ends(free_port: int) -> None:
    listener = Listener(free_port)
    with ExitStack() as first:
        first.enter_context(listener.presented(challenge("one")))
        with listener.presented(challenge("two")):
            both = [answer(free_port, WELL_KNOWN + each)[0] for each in ("one", "two")]
        only_one = [answer(free_port, WELL_KNOWN + each)[0] for each in ("one", "two")]

    assert both == [200, 200]
    assert only_one == [200, 404]
    with pytest.raises(ConnectionRefusedError):
        answer(free_port, f"{WELL_KNOWN}one")


def test_a_listener_can_be_used_again(free_port: int) -> None:
    listener = Listener(free_port)

    for _ in range(2):
        with listener.presented(challenge()):
            assert answer(free_port, f"{WELL_KNOWN}tok-EN_1")[0] == 200


def test_an_error_inside_ends_the_listener(free_port: int) -> None:
    with pytest.raises(KeyboardInterrupt), Listener(free_port).presented(challenge()):
        raise KeyboardInterrupt

    with pytest.raises(ConnectionRefusedError):
        answer(free_port, "/")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_an_obstacle_that_names_the_ways_out(free_port: int, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = Listener(free_port)

    with (
        socket.create_server((address, free_port), family=family),
        pytest.raises(Obstacle, match=f"port {free_port} for http-01: it is in use") as e,
        listener.presented(challenge()),
    ):
        pass

    assert "another program listens" in e.value.hint
    assert "--webroot DIR" in e.value.hint
    with listener.presented(challenge()):  # and nothing of the failed try is left
        pass


def test_an_address_that_is_not_ours_is_an_obstacle(free_port: int) -> None:
    with (
        pytest.raises(Obstacle, match="Cannot assign requested address"),
        Listener(free_port, ("192.0.2.1",)).presented(challenge()),
    ):
        pass


def test_a_host_without_ipv6_is_served_by_ipv4(free_port: int) -> None:
    with Listener(free_port, ("127.0.0.1", "2001:db8::1")).presented(challenge()):
        assert answer(free_port, f"{WELL_KNOWN}tok-EN_1")[0] == 200

    with (
        pytest.raises(Obstacle, match="cannot listen"),
        Listener(free_port, ("2001:db8::1",)).presented(challenge()),
    ):
        pass


def heard_by_nobody(port: int) -> str:
    """What a user without any right hears who listens on `port`."""
    done = subprocess.run(
        [*(AS_NOBODY if os.geteuid() == 0 else ()), sys.executable, "-c", PRESENT, str(port)],
        cwd=Path(__file__).parents[2],
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("port", [80, 1023])
def test_a_port_of_the_privileged_is_an_obstacle_to_others(port: int) -> None:
    heard = heard_by_nobody(port)

    if port < FIRST_FOR_ALL:
        assert f"cannot listen on port {port} for http-01: this user may not" in heard
        assert "--http-port" in heard
    else:  # in many containers each port is everybody's, and may be in use
        assert "may not" not in heard


def test_silent_visitors_do_not_stand_in_the_way(free_port: int) -> None:
    with ExitStack() as visitors, Listener(free_port).presented(challenge()):
        for _ in range(20):
            visitors.enter_context(socket.create_connection(("127.0.0.1", free_port), 5))

        assert answer(free_port, f"{WELL_KNOWN}tok-EN_1")[0] == 200


def test_too_many_visitors_are_sent_away(free_port: int) -> None:
    with ExitStack() as visitors, Listener(free_port).presented(challenge()):
        for _ in range(64):
            visitors.enter_context(socket.create_connection(("127.0.0.1", free_port), 5))

        with pytest.raises((ConnectionError, http.client.HTTPException)):
            answer(free_port, f"{WELL_KNOWN}tok-EN_1")


def test_a_visitor_that_trickles_is_hung_up_on(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certcheck.issue.responder._CONNECTION_SECONDS", 0.3)
    with (
        Listener(free_port).presented(challenge()),
        socket.create_connection(("127.0.0.1", free_port), 5) as visitor,
    ):
        visitor.sendall(b"GET / HT")

        assert visitor.recv(100) == b""


def test_garbage_is_survived_in_silence(free_port: int, capfd: pytest.CaptureFixture[str]) -> None:
    with Listener(free_port).presented(challenge()):
        with socket.create_connection(("127.0.0.1", free_port), 5) as visitor:
            visitor.sendall(b"\x16\x03\x01\x00\xff\r\n\r\n")
            visitor.shutdown(socket.SHUT_WR)
            while visitor.recv(1000):
                pass
        assert answer(free_port, f"{WELL_KNOWN}tok-EN_1")[0] == 200

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("token", ["", ".", "..", "../x", "a/b", "a\nb", "a.b", "tökén", "a" * 201])
def test_a_token_that_is_none_becomes_no_path(tmp_path: Path, token: str) -> None:
    for solver in (Webroot(tmp_path), Listener(0)):
        with (
            pytest.raises(Obstacle, match="challenge token"),
            solver.presented(challenge(token)),
        ):
            pass

    assert list(tmp_path.iterdir()) == []


def test_no_thread_is_left(free_port: int) -> None:
    before = threading.active_count()

    with Listener(free_port).presented(challenge()):
        assert answer(free_port, f"{WELL_KNOWN}tok-EN_1")[0] == 200

    left = [each for each in threading.enumerate() if each.name.endswith("(serve_forever)")]
    for each in left:
        each.join(5)
    assert threading.active_count() <= before + 1
