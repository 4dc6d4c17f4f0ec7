import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from certcheck.lab import holder
from tests.lab.asking import gone, until

SLEEP = "/bin/sleep"
SHELL = "/bin/sh"
# A daemon that hides: its parent ends, its session and its parent process are others.
ORPHAN = f"(setsid {SLEEP} 60 </dev/null >/dev/null 2>&1 & echo $! >$PIDFILE); exec {SLEEP} 60"
STUBBORN = f"trap '' TERM; echo ready >$PIDFILE; while :; do {SLEEP} 0.1; done"


class Script:
    """The holder as a process of its own, run without -I -S so that coverage sees it."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def ask(self, **request: object) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def start(self, *argv: str, pidfile: str = "") -> int:
        env = {"PIDFILE": pidfile}
        pid: int = self.ask(start="it", argv=argv, env=env, log=str(self.log))["pid"]
        return pid


@contextmanager
def running(folder: Path) -> Iterator[Script]:
    with subprocess.Popen(
        [sys.executable, holder.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield Script(process, folder / "log")
        finally:
            process.terminate()


def test_the_end_of_stdin_ends_everything(tmp_path: Path) -> None:
    with running(tmp_path) as it:
        pid = it.start(SLEEP, "60")
        assert not gone(pid)

        assert it.process.stdin
        it.process.stdin.close()

        until(lambda: it.process.poll() is not None)
        assert gone(pid)
        assert it.process.returncode == 0


def test_sigterm_ends_everything(tmp_path: Path) -> None:
    with running(tmp_path) as it:
        pid = it.start(SLEEP, "60")

        it.process.terminate()

        until(lambda: it.process.poll() is not None)
        assert gone(pid)


def test_an_orphan_in_its_own_session_ends_too(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with running(tmp_path) as it:
        it.start(SHELL, "-c", ORPHAN, pidfile=str(file))
        until(lambda: file.exists() and file.read_text().endswith("\n"))
        orphan = int(file.read_text())

        found = holder.descendants(it.process.pid)
        it.process.terminate()

        assert orphan in found
        until(lambda: gone(orphan))


def test_a_daemon_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with running(tmp_path) as it:
        pid = it.start(SHELL, "-c", STUBBORN, pidfile=str(file))
        until(file.exists)

        it.process.terminate()

        until(lambda: it.process.poll() is not None)
        assert gone(pid)


def test_the_death_of_a_daemon_is_told(tmp_path: Path) -> None:
    with running(tmp_path) as it:
        it.start(SHELL, "-c", "exit 7")

        assert it.hear() == {"died": "it", "status": 7}


def test_a_missing_program_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as it:
        answer = it.ask(start="it", argv=["/no/such"], env={}, log=str(it.log))

        assert answer["refused"] == "it"
        assert "No such file" in answer["why"]


def test_files_and_directories_are_removed_at_the_end(tmp_path: Path) -> None:
    file, folder = tmp_path / "lab.json", tmp_path / "run"
    file.touch()
    folder.mkdir()
    (folder / "socket").touch()
    with running(tmp_path) as it:
        assert it.ask(remove=str(file)) == {"noted": str(file)}
        it.ask(remove=str(folder))

        it.process.terminate()
        until(lambda: it.process.poll() is not None)

    assert not file.exists()
    assert not folder.exists()


def open_files(pid: int) -> Iterator[str]:
    for each in Path(f"/proc/{pid}/fd").iterdir():
        # While a program loads, its libraries come and go.
        with suppress(FileNotFoundError):
            yield str(each.readlink())


def test_a_daemon_holds_no_pipe_of_the_starter(tmp_path: Path) -> None:
    with running(tmp_path) as it:
        pid = it.start(SLEEP, "60")

        found = set(open_files(pid))

    assert {"/dev/null", str(it.log)} <= found
    assert not [each for each in found if each.startswith(("pipe:", "socket:"))]


def test_ctrl_c_and_hangup_do_not_end_it(tmp_path: Path) -> None:
    with running(tmp_path) as it:
        pid = it.start(SLEEP, "60")

        it.process.send_signal(signal.SIGINT)
        it.process.send_signal(signal.SIGHUP)

        assert it.ask(remove="/nowhere") == {"noted": "/nowhere"}
        assert not gone(pid)
