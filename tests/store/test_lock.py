"""One run at a time, named by the kernel's lock."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certcheck.errors import LockHeld, Obstacle
from certcheck.store.lock import locked
from tests.making import umask

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)

HOLDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from certcheck.store.lock import locked
with locked(Path(sys.argv[1]), command="install", now=datetime.now(UTC)):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with (
        locked(tmp_path, command="install", now=NOW),
        pytest.raises(LockHeld) as caught,
        locked(tmp_path, command="issue", now=NOW),
    ):
        pytest.fail("two runs at once")

    assert f"process {os.getpid()}" in caught.value.message
    assert "certcheck install, since 2026-11-25T08:00:00Z" in caught.value.message
    assert caught.value.exit_code == 3


def test_the_lock_goes_with_a_killed_process(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    with holder.stdin, holder.stdout:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockHeld), locked(tmp_path, command="issue", now=NOW):
            pytest.fail("two runs at once")

        holder.send_signal(signal.SIGKILL)
        holder.wait(timeout=10)

    with locked(tmp_path, command="issue", now=NOW) as state:
        assert state == tmp_path


def test_the_state_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with umask(0), locked(state, command="issue", now=NOW):
        pass

    assert state.stat().st_mode & 0o777 == 0o700
    assert {entry.stat().st_mode & 0o777 for entry in state.iterdir()} == {0o600}


def test_a_state_that_others_can_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    with pytest.raises(Obstacle, match="others can write"), locked(tmp_path, command="", now=NOW):
        pytest.fail("unsafe")


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("7\n")

    with pytest.raises(Obstacle, match="format '7'"), locked(tmp_path, command="", now=NOW):
        pytest.fail("too new")


def test_a_link_in_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Obstacle, match="cannot open"), locked(tmp_path, command="", now=NOW):
        pytest.fail("followed a link")

    assert not (tmp_path / "elsewhere").exists()


def test_a_holder_that_says_nothing_is_still_a_holder(tmp_path: Path) -> None:
    with locked(tmp_path, command="install", now=NOW):
        (tmp_path / "lock").write_text("garbage")
        with (
            pytest.raises(LockHeld, match="has not said who it is"),
            locked(tmp_path, command="issue", now=NOW),
        ):
            pytest.fail("two runs at once")


def test_a_state_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(Obstacle, match="cannot use the directory"),
        locked(tmp_path / "file" / "state", command="", now=NOW),
    ):
        pytest.fail("impossible")


def test_a_store_whose_first_run_was_killed_is_usable(tmp_path: Path) -> None:
    (tmp_path / "format").touch()

    with locked(tmp_path, command="issue", now=NOW):
        assert (tmp_path / "format").read_text() == "1\n"
