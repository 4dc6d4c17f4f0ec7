"""The door to this machine: a file is swapped whole or not at all."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

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


def test_a_program_reads_what_it_is_given() -> None:
    assert HOST.run(["cat"], stdin=b"secret").stdout == "secret"


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
    file.with_name(f".{file.name}.{os.getpid()}.certcheck").write_bytes(b"half")

    HOST.replace(file, b"new", expecting=before.sha256, like=before)

    assert file.read_bytes() == b"new"


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


def test_remove_compares_first(file: Path) -> None:
    digest = HOST.read(file).sha256
    with pytest.raises(Obstacle, match="has changed"):
        HOST.remove(file, expecting="0" * 64)

    HOST.remove(file, expecting=digest)

    assert not file.exists()


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as stream:
        stream.truncate(5 * 1024 * 1024)

    with pytest.raises(Obstacle, match="larger than 4 MiB"):
        HOST.read(path)


def test_a_missing_file_is_an_obstacle(tmp_path: Path) -> None:
    with pytest.raises(Obstacle, match="cannot read"):
        HOST.read(tmp_path / "gone")
