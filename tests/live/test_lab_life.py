"""The life of a lab: up, reloaded, down, killed, and nothing left behind."""

import imaplib
import json
import os
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from certcheck.errors import InputError, Obstacle
from certcheck.lab import Lab, dovecot, serve, up
from certcheck.lab.greeting import greet
from certcheck.lab.holder import descendants
from certcheck.targets import endpoint
from tests.lab.asking import LOOPBACK, arrived, gone, greets, service, trusting, until
from tests.live.conftest import LabMaker


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another Python that serves a lab in tmp_path/lab and has said that it is ready."""
    program = (
        "import pathlib, sys; from certcheck import lab;"
        "lab.serve(pathlib.Path(sys.argv[1]), lambda it: print(it.config, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "lab")],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == f"{tmp_path / 'lab' / 'certcheck.toml'}\n"
        yield process
        process.kill()


def test_a_reload_from_outside_reaches_both_servers(fresh_lab: Lab) -> None:
    host = fresh_lab.host
    for argv in (
        ("doveadm", "-c", str(host.dovecot.config), "reload"),
        ("postfix", "-c", str(host.postfix.config), "reload"),
    ):
        assert subprocess.run(argv, capture_output=True, timeout=20, check=False).returncode == 0

    logs = fresh_lab.path / "log"
    until(lambda: "SIGHUP received" in (logs / "dovecot.log").read_text())
    until(lambda: "reload -- version" in (logs / "postfix.log").read_text())
    for url in host.endpoints:
        until(partial(greets, endpoint(url)))


def test_stopping_leaves_no_process_and_no_lab_json(tmp_path: Path) -> None:
    with up(tmp_path / "lab") as lab:
        everything = (lab.holder, *descendants(lab.holder))
        assert set(lab.pids) <= set(everything)
        started = time.monotonic()

    assert time.monotonic() - started < 5
    assert all(map(gone, everything))
    assert not (tmp_path / "lab/lab.json").exists()
    assert (tmp_path / "lab/log/dovecot.log").exists()
    assert not lab.runtime.exists()


def test_stopping_is_quick_while_clients_are_connected(tmp_path: Path) -> None:
    with up(tmp_path / "lab") as lab:
        sessions = [
            imaplib.IMAP4_SSL(
                LOOPBACK, service(lab, "imaps").port, ssl_context=trusting(), timeout=10
            )
            for _ in range(2)
        ]
        sessions[0].login(lab.users[0].login, lab.users[0].password)
        everything = (lab.holder, *descendants(lab.holder))
        started = time.monotonic()

    assert time.monotonic() - started < 5
    assert all(map(gone, everything))
    for session in sessions:
        session.shutdown()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_well_on_a_signal(
    starter: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    pids = json.loads((tmp_path / "lab/lab.json").read_text())["pids"]
    everything = (*pids, *descendants(pids[0]))

    starter.send_signal(number)

    assert starter.wait(timeout=10) == 0
    assert all(map(gone, everything))
    assert not (tmp_path / "lab/lab.json").exists()


def test_a_killed_starter_leaves_nothing(starter: subprocess.Popen[str], tmp_path: Path) -> None:
    pids = json.loads((tmp_path / "lab/lab.json").read_text())["pids"]
    everything = (*pids, *descendants(pids[0]))
    runtime = [each for each in Path("/run").glob("certcheck-lab-*") if uses(each, tmp_path)]

    starter.kill()

    until(lambda: all(map(gone, everything)), seconds=5)
    assert not (tmp_path / "lab/lab.json").exists()
    assert len(runtime) == 1
    assert not runtime[0].exists()


def uses(runtime: Path, folder: Path) -> bool:
    return str(runtime) in (folder / "lab/dovecot/dovecot.conf").read_text()


def test_serve_names_a_daemon_that_dies(tmp_path: Path) -> None:
    def kill_pebble(lab: Lab) -> None:
        os.kill(lab.pids[2], signal.SIGKILL)

    with pytest.raises(Obstacle, match="pebble of the lab died"):
        serve(tmp_path / "lab", kill_pebble)


def test_a_daemon_that_cannot_start_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = dovecot._TEMPLATE + "no_such_setting = yes\n"
    monkeypatch.setattr(dovecot, "_TEMPLATE", template)

    complaint = r"dovecot of the lab died: .*no_such_setting"
    with pytest.raises(Obstacle, match=complaint), up(tmp_path / "lab"):
        pass

    assert not (tmp_path / "lab/lab.json").exists()


def test_two_labs_run_side_by_side(lab: Lab, new_lab: LabMaker) -> None:
    other = new_lab()

    assert not set(lab.host.endpoints) & set(other.host.endpoints)
    for each in (lab, other):
        for url in each.host.endpoints:
            assert greet(endpoint(url))


def test_a_very_long_directory_works(new_lab: LabMaker, tmp_path: Path) -> None:
    lab = new_lab(directory=tmp_path / ("d" * 150) / ("e" * 150))

    for url in lab.host.endpoints:
        assert greet(endpoint(url))
    port = service(lab, "imaps").port
    with imaplib.IMAP4_SSL(LOOPBACK, port, ssl_context=trusting(), timeout=10) as session:
        assert session.login(lab.users[0].login, lab.users[0].password)[0] == "OK"


def test_in_an_open_directory_nothing_lies_outside() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="cc-") as name:
        Path(name).chmod(0o755)
        with up(Path(name) / "lab") as lab:
            assert lab.runtime == Path(name) / "lab/run"
            user = lab.users[0]
            with smtplib.SMTP(LOOPBACK, service(lab, "smtp").port, timeout=10) as session:
                session.sendmail("a@example.org", user.login, "Subject: inside\r\n\r\nhello\r\n")
            until(lambda: arrived(lab, user, "inside"))


def test_a_directory_in_use_is_refused(lab: Lab) -> None:
    with pytest.raises(InputError, match="is not empty"), up(lab.path):
        pass
