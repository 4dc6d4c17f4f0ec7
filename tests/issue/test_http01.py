import errno
import http.client
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from certcheck.errors import InputError, Obstacle
from certcheck.issue.http01 import Listener, Webroot, _cannot_listen
from certcheck.issue.solver import Challenge

TOKEN = "tok-EN_1"
WELL_KNOWN = "/.well-known/acme-challenge/"


def challenge(token: str = TOKEN) -> Challenge:
    return Challenge(
        kind="http-01", name="mail.example.test", token=token, key_authorization=f"{token}.thumb"
    )


def answer(
    port: int, path: str, *, address: str = "127.0.0.1", method: str = "GET"
) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection(address, port, timeout=5)) as connection:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read()


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_a_presented_token_is_answered_on_every_address(free_port: int) -> None:
    addresses = ["127.0.0.1", *(["::1"] if has_ipv6() else [])]

    with Listener(free_port).presented(challenge()):
        got = [answer(free_port, f"{WELL_KNOWN}tok-EN_1", address=each) for each in addresses]

    assert got == [(200, b"tok-EN_1.thumb")] * len(addresses)


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
    if ":" in address and not has_ipv6():
        return
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


def test_a_privileged_port_without_rights_is_an_obstacle() -> None:
    setting = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()
    first_for_all = int(setting)  # 0 in many containers: then every port is everybody's
    solver = Listener(min(first_for_all - 1, 80)) if first_for_all else NoRight()

    with without_root(), pytest.raises(Obstacle) as e, solver.presented(challenge()):
        pass

    assert "this user may not" in e.value.message
    assert "--http-port" in e.value.hint


class NoRight:
    kind = "http-01"

    @contextmanager
    def presented(self, _: Challenge) -> Iterator[None]:
        yield from ()
        raise _cannot_listen(80, PermissionError(errno.EACCES, "Permission denied"))


@contextmanager
def without_root() -> Iterator[None]:
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


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
    monkeypatch.setattr("certcheck.issue.http01._CONNECTION_SECONDS", 0.3)
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


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_webroot_holds_the_token_for_the_web_server_to_read(tmp_path: Path, mask: int) -> None:
    folder = tmp_path / ".well-known/acme-challenge"

    with umask(mask), Webroot(tmp_path).presented(challenge()):
        files = list(folder.iterdir())
        content = (folder / "tok-EN_1").read_bytes()
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (folder.parent, folder, *files)]

    assert [each.name for each in files] == ["tok-EN_1"]
    assert content == b"tok-EN_1.thumb"
    assert modes == [0o755, 0o755, 0o644]
    assert list(tmp_path.iterdir()) == []


def test_directories_that_were_there_stay(tmp_path: Path) -> None:
    (tmp_path / ".well-known").mkdir(mode=0o750)

    with Webroot(tmp_path).presented(challenge()):
        pass

    assert [each.name for each in tmp_path.rglob("*")] == [".well-known"]
    assert stat.S_IMODE((tmp_path / ".well-known").stat().st_mode) == 0o750


def test_another_programs_token_stays(tmp_path: Path) -> None:
    folder = tmp_path / ".well-known/acme-challenge"

    with Webroot(tmp_path).presented(challenge()):
        (folder / "theirs").write_text("x")

    assert [each.name for each in folder.iterdir()] == ["theirs"]


def test_a_token_is_gone_after_ctrl_c(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Webroot(tmp_path).presented(challenge()):
        raise KeyboardInterrupt

    assert list(tmp_path.iterdir()) == []


def test_a_token_may_be_gone_already(tmp_path: Path) -> None:
    with Webroot(tmp_path).presented(challenge()):
        (tmp_path / ".well-known/acme-challenge/tok-EN_1").unlink()

    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_tokens_place_is_replaced_not_followed(tmp_path: Path) -> None:
    (victim := tmp_path / "victim").write_text("precious")
    (webroot := tmp_path / "www").mkdir()
    (folder := webroot / ".well-known/acme-challenge").mkdir(parents=True)
    (folder / "tok-EN_1").symlink_to(victim)

    with Webroot(webroot).presented(challenge()):
        assert not (folder / "tok-EN_1").is_symlink()

    assert victim.read_text() == "precious"


def test_a_webroot_that_is_missing_or_a_file_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for each in ("missing", "file"):
        with (
            pytest.raises(InputError, match="is not a directory"),
            Webroot(tmp_path / each).presented(challenge()),
        ):
            pass


def test_a_webroot_that_cannot_be_written_is_an_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".well-known").write_text("a file stands here")

    with (
        pytest.raises(Obstacle, match="cannot write below webroot") as e,
        Webroot(tmp_path).presented(challenge()),
    ):
        pass

    assert "--http-port" in e.value.hint
    assert [each.name for each in tmp_path.iterdir()] == [".well-known"]


def test_a_token_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / ".well-known/acme-challenge/tok-EN_1").mkdir(parents=True)

    with pytest.raises(Obstacle), Webroot(tmp_path).presented(challenge()):
        pass

    assert [each.name for each in (tmp_path / ".well-known/acme-challenge").iterdir()] == [
        "tok-EN_1"
    ]


def test_no_thread_is_left(free_port: int) -> None:
    before = threading.active_count()

    with Listener(free_port).presented(challenge()):
        assert answer(free_port, f"{WELL_KNOWN}tok-EN_1")[0] == 200

    left = [each for each in threading.enumerate() if each.name.endswith("(serve_forever)")]
    for each in left:
        each.join(5)
    assert threading.active_count() <= before + 1
