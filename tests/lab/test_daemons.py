import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from certcheck.errors import Obstacle
from certcheck.lab import daemons as daemons_module
from certcheck.lab.daemons import Daemon, held
from certcheck.lab.greeting import Check, wait
from tests.lab.asking import gone, until


def daemon(folder: Path, *argv: str) -> Daemon:
    return Daemon(name="sleeper", argv=argv, output=folder / "out", log=folder / "log")


@pytest.fixture
def stop() -> Iterator[tuple[int, int]]:
    """A pipe for `watch`."""
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_a_daemon_runs_until_the_end(tmp_path: Path) -> None:
    with held(tmp_path / "holder.log") as daemons:
        pid = daemons.start(daemon(tmp_path, "/bin/sleep", "60"))
        assert Path(f"/proc/{pid}").exists()
        daemons.check()

    assert not Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{daemons.holder}").exists()


def test_watching_ends_on_demand(tmp_path: Path, stop: tuple[int, int]) -> None:
    with held(tmp_path / "holder.log") as daemons:
        daemons.start(daemon(tmp_path, "/bin/sleep", "60"))
        os.write(stop[1], b".")

        daemons.watch(until=stop[0])


def test_a_death_is_named_with_its_last_words(tmp_path: Path, stop: tuple[int, int]) -> None:
    with held(tmp_path / "holder.log") as daemons:
        daemons.start(daemon(tmp_path, "/bin/sh", "-c", "echo no space left; exit 1"))

        with pytest.raises(Obstacle, match="sleeper of the lab died: no space left") as caught:
            daemons.watch(until=stop[0])

    assert caught.value.hint == f"see {tmp_path / 'log'}"


def test_a_death_that_comes_with_an_answer_is_not_lost(
    tmp_path: Path, stop: tuple[int, int]
) -> None:
    with held(tmp_path / "holder.log") as daemons:
        pid = daemons.start(daemon(tmp_path, "/bin/true"))
        until(lambda: not Path(f"/proc/{pid}").exists())
        daemons.remove_at_end(tmp_path / "nothing")

        with pytest.raises(Obstacle, match="sleeper of the lab died"):
            daemons.watch(until=stop[0])


def test_a_missing_program_is_an_obstacle(tmp_path: Path) -> None:
    with (
        held(tmp_path / "holder.log") as daemons,
        pytest.raises(Obstacle, match=r"sleeper cannot be started: .*No such file"),
    ):
        daemons.start(daemon(tmp_path, "/no/such/program"))


def test_a_killed_holder_is_noticed(tmp_path: Path, stop: tuple[int, int]) -> None:
    with held(tmp_path / "holder.log") as daemons:
        os.kill(daemons.holder, signal.SIGKILL)

        with pytest.raises(Obstacle, match="holder of the lab's daemons is gone"):
            daemons.watch(until=stop[0])
        with pytest.raises(Obstacle, match="does not answer"):
            daemons.start(daemon(tmp_path, "/bin/true"))


def hang(log: Path, seen: list[int]) -> None:
    with held(log) as daemons:
        seen.append(daemons.holder)
        daemons.remove_at_end(log)  # once it has answered, its handlers are in place
        os.kill(daemons.holder, signal.SIGSTOP)


def test_a_holder_that_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemons_module, "_END", 0.1)
    seen: list[int] = []

    with pytest.raises(Obstacle, match="the lab's daemons do not end"):
        hang(tmp_path / "holder.log", seen)

    assert all(map(gone, seen))


def test_waiting_for_a_silent_daemon_ends_with_its_name(tmp_path: Path) -> None:
    def silent() -> None:
        raise ConnectionRefusedError

    it = daemon(tmp_path, "/bin/sh", "-c", "echo thinking; exec sleep 60")
    with held(tmp_path / "holder.log") as daemons:
        daemons.start(it)
        check = Check(daemon=it, what="imap", ask=silent)

        with pytest.raises(Obstacle, match=r"sleeper does not answer \(imap\)"):
            wait([check], daemons, seconds=0.1)


def test_waiting_ends_at_once_when_the_daemon_dies(tmp_path: Path) -> None:
    def silent() -> None:
        raise ConnectionRefusedError

    it = daemon(tmp_path, "/bin/false")
    with held(tmp_path / "holder.log") as daemons:
        daemons.start(it)
        check = Check(daemon=it, what="imap", ask=silent)

        with pytest.raises(Obstacle, match="sleeper of the lab died: it logged nothing"):
            wait([check], daemons, seconds=60)
