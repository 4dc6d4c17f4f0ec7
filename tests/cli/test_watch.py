"""`certcheck watch`: what it needs, how it ends, and what is in its file meanwhile."""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conftest import COMMAND, SCHEMA, Certcheck
from tests.lab.asking import until
from tests.zoo.keeper import Place, kept
from tests.zoo.manners import implicit

NOBODY = "imaps://127.0.0.1:9"


@contextmanager
def watching(
    folder: Path, *words: str, stderr: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """A watch with its result in `night.json`; killed at the end, if it is still there."""
    argv = [*COMMAND, "watch", "-o", "night.json", "--interval=0.2", *words]
    watch = subprocess.Popen(argv, cwd=folder, stdout=-1, stderr=stderr, text=True)
    try:
        yield watch
    finally:
        watch.kill()
        watch.communicate()


@pytest.fixture
def place() -> Iterator[Place]:
    with kept(implicit("imap")) as served:
        yield served


def url(place: Place) -> str:
    return f"imaps://127.0.0.1:{place.port}"


def night(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "night.json").read_text())
    jsonschema.validate(document, SCHEMA)
    return document


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_well_with_the_report(
    tmp_path: Path, place: Place, number: signal.Signals
) -> None:
    with watching(tmp_path, url(place)) as watch:
        until((tmp_path / "night.json").exists)
        until(lambda: night(tmp_path)["counts"].get("handshakes", 0) >= 2)
        watch.send_signal(number)
        watch.send_signal(number)
        stdout, stderr = watch.communicate(timeout=30)

    (row,) = night(tmp_path)["rows"]
    assert watch.returncode == 0
    assert stdout.startswith("1 port watched for ")
    assert ": no handshake failed\n" in stdout
    assert "serves " in stderr
    assert (row["failed"], row["address"]) == (0, "127.0.0.1")
    assert row["handshakes"] >= 2
    assert night(tmp_path)["connections"] == place.count()


def test_a_kill_leaves_a_file_that_can_be_read(tmp_path: Path, place: Place) -> None:
    with watching(tmp_path, url(place)) as watch:
        until(lambda: place.count() >= 2)
        watch.kill()
        watch.wait(timeout=30)

    assert night(tmp_path)["command"] == "watch"
    assert [path.name for path in tmp_path.iterdir()] == ["night.json"]


def test_the_file_is_written_while_it_goes_on(tmp_path: Path, place: Place) -> None:
    with watching(tmp_path, url(place)):
        until((tmp_path / "night.json").exists)
        until(lambda: night(tmp_path)["counts"].get("handshakes", 0) >= 20, seconds=30)


@pytest.mark.slow
def test_a_stretch_in_which_it_stood_still_is_told_and_is_no_outage(
    tmp_path: Path, place: Place
) -> None:
    with watching(tmp_path, url(place), NOBODY) as watch:
        until(lambda: place.count() >= 3)
        watch.send_signal(signal.SIGSTOP)
        time.sleep(6)  # that nothing happens cannot be waited for
        watch.send_signal(signal.SIGCONT)
        before = place.count()
        until(lambda: place.count() >= before + 3)
        watch.send_signal(signal.SIGTERM)
        stdout, stderr = watch.communicate(timeout=30)

    assert "not watched for 6 s" in stderr
    served, closed = night(tmp_path)["rows"]
    assert served["failed"] == 0
    assert (closed["outages"], closed["still_away"]) == (2, True)
    assert closed["all_gaps_seconds"] < 6
    assert "while the watching host slept" in stdout
    assert night(tmp_path)["counts"]["unwatched_seconds"] == 6


def test_a_port_that_never_answers_is_exit_3(tmp_path: Path) -> None:
    with watching(tmp_path, NOBODY, "--json") as watch:
        assert watch.stderr
        first = watch.stderr.readline()
        watch.send_signal(signal.SIGTERM)
        stdout, _ = watch.communicate(timeout=30)

    document = json.loads(stdout)
    (row,) = document["rows"]
    assert (watch.returncode, document["exit_code"]) == (3, 3)
    assert "away, refused: the port is closed" in first
    assert row["handshakes"] == row["failed"] > 0
    assert row["failures"] == [f"refused {row['failed']}"]
    assert row["still_away"]


def test_the_closed_ports_of_a_bare_host_are_not_told(tmp_path: Path, place: Place) -> None:
    with watching(tmp_path, "127.0.0.77", url(place)) as watch:
        until(lambda: place.count() >= 3)
        watch.send_signal(signal.SIGTERM)
        _, stderr = watch.communicate(timeout=30)

    assert [row["endpoint"] for row in night(tmp_path)["rows"]] == [url(place)]
    assert "127.0.0.77" not in stderr


def test_a_name_without_address_is_told_and_the_others_go_on(tmp_path: Path, place: Place) -> None:
    with watching(tmp_path, url(place), "imap://gone.invalid") as watch:
        until(lambda: place.count() >= 3)
        watch.send_signal(signal.SIGTERM)
        stdout, _ = watch.communicate(timeout=30)

    assert watch.returncode == 3
    assert "IMAP gone.invalid:143 was not watched: " in stdout
    assert night(tmp_path)["rows"][0]["failed"] == 0


def test_without_any_address_it_ends_at_once(certcheck: Certcheck) -> None:
    ended = certcheck("watch", "-o", "night.json", "imap://gone.invalid")

    assert ended.code == 3
    assert ended.stdout.startswith("0 ports watched for 0.0 s: nothing was seen")


def test_it_needs_a_file(certcheck: Certcheck) -> None:
    ended = certcheck("watch", NOBODY)

    assert ended.code == 2
    assert ended.complaint == "certcheck: watch keeps its result in a file (give -o FILE)"


@pytest.mark.parametrize("path", ["gone/night.json", "/dev/full", ".", "/dev/stdout"])
def test_a_file_that_cannot_be_replaced_is_refused_at_once(certcheck: Certcheck, path: str) -> None:
    ended = certcheck("watch", "-o", path, NOBODY)

    assert ended.code == 2
    assert ended.complaint.startswith("certcheck: ")


@pytest.mark.parametrize("interval", ["0.1", "61", "often"])
def test_the_interval_has_bounds(certcheck: Certcheck, interval: str) -> None:
    assert certcheck("watch", "-o", "x", NOBODY, "--interval", interval).code == 2


def test_too_many_ports_are_refused(certcheck: Certcheck, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("".join(f"imap://127.0.0.1:{n}\n" for n in range(1, 202)))

    assert "201 ports are too many" in certcheck("watch", "-o", "x", "@list").complaint


def test_a_mistake_leaves_an_older_result_alone(certcheck: Certcheck, tmp_path: Path) -> None:
    (tmp_path / "night.json").write_text("last night's")

    assert certcheck("watch", "-o", "night.json", "nonsense://x").code == 2
    assert (tmp_path / "night.json").read_text() == "last night's"


def test_a_dry_run_tells_the_connections_and_writes_nothing(
    certcheck: Certcheck, tmp_path: Path
) -> None:
    done = certcheck(
        "watch", "-o", "x", NOBODY, "smtp://127.0.0.1", "--interval=2", "--dry-run", "--json"
    )

    (row,) = done.document["rows"]
    assert (row["ports"], row["a minute"], row["an hour"]) == (2, 60, 3600)
    assert not (tmp_path / "x").exists()


def test_the_file_keeps_its_mode_and_its_link(tmp_path: Path, place: Place) -> None:
    (tmp_path / "real.json").write_text("")
    (tmp_path / "real.json").chmod(0o644)
    (tmp_path / "night.json").symlink_to("real.json")

    with watching(tmp_path, url(place)) as watch:
        until(lambda: place.count() >= 3)
        watch.send_signal(signal.SIGTERM)
        watch.communicate(timeout=30)

    assert (tmp_path / "night.json").is_symlink()
    assert (tmp_path / "real.json").stat().st_mode & 0o777 == 0o644
    assert night(tmp_path)["exit_code"] == 0


def test_the_file_can_be_markdown(tmp_path: Path, place: Place) -> None:
    with watching(tmp_path, url(place), "--format", "markdown") as watch:
        until(lambda: place.count() >= 2)
        watch.send_signal(signal.SIGTERM)
        watch.communicate(timeout=30)

    assert (tmp_path / "night.json").read_text().startswith("# certcheck watch\n")


def test_with_quiet_nothing_is_told_meanwhile(tmp_path: Path, place: Place) -> None:
    with watching(tmp_path, url(place), "--quiet") as watch:
        until(lambda: place.count() >= 2)
        watch.send_signal(signal.SIGTERM)
        _, stderr = watch.communicate(timeout=30)

    assert stderr == ""


def test_on_a_terminal_a_line_says_how_it_stands(tmp_path: Path, place: Place) -> None:
    ours, its = pty.openpty()
    try:
        with watching(tmp_path, url(place), stderr=its) as watch:
            shown = b""
            while b"none is away" not in shown or b"serves " not in shown:
                shown += os.read(ours, 4096)
            watch.send_signal(signal.SIGTERM)
            assert watch.wait(timeout=30) == 0
    finally:
        os.close(ours)
        os.close(its)
