"""The door to this machine: a file is swapped whole or not at all."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest

from certcheck.errors import Obstacle
from certcheck.host.local import LocalHost

HOST = LocalHost()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "chain.pem"
    path.write_bytes(b"old")
    path.chmod(0o640)
    return path


def test_a_program_speaks_as_if_to_a_terminal() -> None:
    done = HOST.run(["sh", "-c", "test -t 2 && echo out && echo err >&2; exit 3"])

    assert (done.code, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert done.complaint == "err"


def test_a_silent_failure_still_has_a_complaint() -> None:
    assert "exit code 4" in HOST.run(["sh", "-c", "exit 4"]).complaint


def test_a_hanging_program_is_stopped_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    with pytest.raises(Obstacle, match="did not end within"):
        HOST.run(["sh", "-c", f"sleep 60 & echo $! >{pid_file}; wait"], timeout=0.5)

    child = int(pid_file.read_text())
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        os.sched_yield()
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_a_signal_ends_the_program_before_anything_else_is_done(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    before = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            HOST.run(["sh", "-c", f"echo $$ >{pid_file}; exec sleep 60"])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert not Path(f"/proc/{int(pid_file.read_text())}").exists()


def _interrupt(signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signum)


def test_a_program_can_be_given_what_nobody_else_may_see() -> None:
    done = HOST.run(["sh", "-c", "cat; cat /dev/stdin; ls -l /proc/self/fd/0"], stdin=b"secret\n")

    assert done.stdout.startswith("secret\nsecret\n")
    assert "memfd" in done.stdout


def test_a_program_can_be_given_time_to_tidy_up(tmp_path: Path) -> None:
    tidy = f"trap 'touch {tmp_path}/tidied; exit' TERM; while :; do sleep 0.05; done"

    with pytest.raises(Obstacle, match="did not end within"):
        HOST.run(["sh", "-c", tidy], timeout=0.5, grace=10)

    assert (tmp_path / "tidied").exists()


def test_a_program_that_does_not_tidy_up_is_stopped_all_the_same() -> None:
    started = time.monotonic()

    with pytest.raises(Obstacle, match="did not end within"):
        HOST.run(["sh", "-c", "trap '' TERM; sleep 60"], timeout=0.2, grace=0.3)

    assert time.monotonic() - started < 10


def test_a_signal_while_a_program_is_started_does_not_leave_it_behind(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def run_and_be_interrupted() -> None:
        with pytest.raises(KeyboardInterrupt):
            # The program itself sends the signal, as soon as it runs: often before Popen is back.
            HOST.run(["sh", "-c", f"echo $$ >{pid_file}; kill -INT {os.getpid()}; exec sleep 60"])

    for _ in range(8):
        run_and_be_interrupted()

        assert not Path(f"/proc/{int(pid_file.read_text())}").exists()


def test_without_a_path_the_working_directory_is_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = tmp_path / "planted"
    planted.write_text("#!/bin/sh\necho planted\n")
    planted.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PATH")

    with pytest.raises(Obstacle, match="cannot run planted"):
        HOST.run(["planted"])


def test_a_program_that_leaves_a_daemon_behind_does_not_block() -> None:
    started = time.monotonic()

    done = HOST.run(["sh", "-c", "sleep 30 & echo $!"])

    os.kill(int(done.stdout), signal.SIGKILL)
    assert time.monotonic() - started < 10


def test_a_missing_program_is_an_obstacle() -> None:
    with pytest.raises(Obstacle, match="cannot run no-such-program"):
        HOST.run(["no-such-program"])


def test_the_new_file_has_the_old_ones_owner_and_mode(file: Path) -> None:
    if os.geteuid() == 0:
        os.chown(file, 1234, 2345)
    before = HOST.read(file)

    HOST.replace(file, b"new", expecting=before.sha256, like=before)

    after = HOST.read(file)
    assert after.data == b"new"
    assert (after.uid, after.gid, after.mode) == (before.uid, before.gid, before.mode)
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_attributes_are_kept(file: Path) -> None:
    os.setxattr(file, "user.origin", b"by hand")
    before = HOST.read(file)

    HOST.replace(file, b"new", expecting=before.sha256, like=before)

    assert os.getxattr(file, "user.origin") == b"by hand"


def test_a_link_is_followed_and_stays_a_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "live.pem"
    link.symlink_to(file)
    before = HOST.read(link)

    HOST.replace(link, b"new", expecting=before.sha256, like=before)

    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert before.path == file


def test_a_file_that_changed_meanwhile_is_left_alone(file: Path) -> None:
    before = HOST.read(file)
    file.write_bytes(b"somebody else's")

    with pytest.raises(Obstacle, match="has changed"):
        HOST.replace(file, b"new", expecting=before.sha256, like=before)

    assert file.read_bytes() == b"somebody else's"


def test_a_leftover_of_a_crash_is_no_hindrance(file: Path) -> None:
    before = HOST.read(file)
    leftover(file).write_bytes(b"half a key")

    HOST.replace(file, b"new", expecting=before.sha256, like=before)

    assert file.read_bytes() == b"new"
    assert not leftover(file).exists()


def test_a_leftover_of_a_crash_can_be_removed(file: Path) -> None:
    leftover(file).write_bytes(b"half a key")

    HOST.tidy(file)

    assert not leftover(file).exists()
    assert file.read_bytes() == b"old"


def leftover(file: Path) -> Path:
    return file.with_name(f".{file.name}.certcheck")


def test_a_directory_that_cannot_be_written_is_an_obstacle(tmp_path: Path) -> None:
    missing = tmp_path / "gone" / "chain.pem"
    like = HOST.read(Path(__file__))

    with pytest.raises(Obstacle, match="cannot write"):
        HOST.replace(missing, b"new", expecting=None, like=like)


def test_a_failed_write_leaves_no_temporary_file(file: Path) -> None:
    before = HOST.read(file)
    impossible = replace(before, attributes=(("nonsense.name", b"x"),))

    with pytest.raises(Obstacle, match="cannot write"):
        HOST.replace(file, b"new", expecting=before.sha256, like=impossible)

    assert file.read_bytes() == b"old"
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_loop_of_links_is_an_obstacle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    with pytest.raises(Obstacle, match="cannot read"):
        HOST.read(tmp_path / "a")


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as stream:
        stream.truncate(5 * 1024 * 1024)

    with pytest.raises(Obstacle, match="larger than 4 MiB"):
        HOST.read(path)


def test_a_missing_file_is_an_obstacle(tmp_path: Path) -> None:
    with pytest.raises(Obstacle, match="cannot read"):
        HOST.read(tmp_path / "gone")
