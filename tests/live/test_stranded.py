"""When the way back is barred or disturbed: it is said, and it can be walked again."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from certcheck.lab import Lab
from tests.conftest import Certcheck
from tests.live.hosting import blocked_at_reload, files, hanging, served


@pytest.fixture
def barred(fresh_lab: Lab, tmp_path: Path) -> Iterator[Path]:
    """A folder for PATH whose doveadm fails at first, and makes Dovecot's files read-only then."""
    tls = fresh_lab.path / "dovecot" / "tls"
    wrapper = tmp_path / "doveadm"
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *reload*) ;; *) exec /usr/bin/doveadm "$@";; esac\n'
        f'[ -e "{tmp_path}/failed" ] && exec /usr/bin/doveadm "$@"\n'
        f"touch {tmp_path}/failed\nmount --bind {tls} {tls}\nmount -o remount,bind,ro {tls}\n"
        "echo the disk is gone >&2\nexit 1\n"
    )
    wrapper.chmod(0o755)
    yield tmp_path
    subprocess.run(["umount", tls], check=False, capture_output=True, timeout=30)


def test_a_barred_way_back_is_exit_5_and_recover_walks_it_later(
    fresh_lab: Lab, certcheck: Certcheck, barred: Path
) -> None:
    before, old = files(fresh_lab), served(fresh_lab)
    assert certcheck("issue", "-c", fresh_lab.config).code == 0

    path = {"PATH": f"{barred}:{os.environ['PATH']}"}
    stranded = certcheck("install", "-c", fresh_lab.config, "--json", env=path)

    assert stranded.code == 5
    error = stranded.document["error"]
    assert "the disk is gone" in error["message"]
    assert "the way back failed" in error["message"]
    assert "Read-only file system" in error["message"]
    assert "certcheck recover" in error["hint"]
    assert "failed" in {a["state"] for a in stranded.document["actions"]}
    assert certcheck("recover", "-c", fresh_lab.config).code == 5  # it is still read-only

    subprocess.run(["umount", fresh_lab.path / "dovecot" / "tls"], check=True, timeout=30)
    healed = certcheck("recover", "-c", fresh_lab.config, "--json")

    assert healed.code == 0
    assert [row["result"] for row in healed.document["rows"]] == ["undone"]
    assert files(fresh_lab) == before
    assert served(fresh_lab) == old


def test_a_second_signal_does_not_disturb_the_way_back(
    issued: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    before, old = files(issued), served(issued)
    run = blocked_at_reload(issued, tmp_path)
    reached = tmp_path / "reached"
    reached.unlink()
    run.send_signal(signal.SIGTERM)
    wait_for(reached)  # the reload of the way back hangs now

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        run.send_signal(number)
    assert run.poll() is None
    (tmp_path / "go").touch()

    assert run.wait(timeout=60) == 143
    assert files(issued) == before
    assert served(issued) == old
    assert hanging(tmp_path) == []
    assert certcheck("recover", "-c", issued.config, "--json").document["actions"] == []


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
