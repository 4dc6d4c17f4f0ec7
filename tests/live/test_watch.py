"""Outages of real servers, measured: stopped and started again, and with a new certificate."""

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from certcheck.lab import Lab
from tests.cli.test_watch import night
from tests.conftest import COMMAND, Certcheck
from tests.lab.asking import until

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
ROW = re.compile(r"\| watch, one handshake \| (Dovecot|Postfix) \| (\d+) \|")
AWAY = 4.0


@contextmanager
def watched(lab: Lab, folder: Path, *urls: str) -> Iterator[Callable[[], str]]:
    """A watch of the lab; what it is given says all that it has told so far, on stderr."""
    log = folder / "told"
    argv = [*COMMAND, "watch", "-c", str(lab.config), *urls, "-o", "night.json"]
    argv += ["--interval=0.5"]
    with log.open("wb") as stream:
        watch = subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=stream, text=True)
    try:
        yield log.read_text
        watch.send_signal(signal.SIGTERM)
        shown, _ = watch.communicate(timeout=30)
        assert watch.returncode == 0, log.read_text()
        assert " watched for " in shown
    finally:
        watch.kill()
        watch.communicate()


def rows(folder: Path, scheme: str = "") -> list[dict[str, Any]]:
    return [row for row in night(folder)["rows"] if row["endpoint"].startswith(scheme)]


def is_dovecots(row: dict[str, Any]) -> bool:
    return row["endpoint"].partition(":")[0] in {"imap", "imaps", "pop3", "pop3s", "sieve"}


def test_an_outage_is_measured_on_the_ports_that_had_it(fresh_lab: Lab, tmp_path: Path) -> None:
    config = fresh_lab.path / "dovecot" / "dovecot.conf"
    try:
        with watched(fresh_lab, tmp_path) as told:
            until(lambda: told().count("serves ") == 8)
            begun = time.monotonic()
            subprocess.run(["doveadm", "-c", config, "stop"], check=True, timeout=30)
            end = time.monotonic() + AWAY
            until(lambda: time.monotonic() > end)
            subprocess.run(["dovecot", "-c", config], check=True, timeout=30)
            until(lambda: told().count(": back after ") == 5)
            whole = time.monotonic() - begun
    finally:  # it is no child of the lab's holder any more
        subprocess.run(["doveadm", "-c", config, "stop"], check=True, timeout=30)

    assert len(rows(tmp_path)) == 8
    for row in rows(tmp_path):
        if is_dovecots(row):
            assert AWAY - 2 < row["longest_gap_seconds"] < whole + 1, row
            assert row["failed"] >= 4
            assert row["failures"][0].startswith("refused ")
        else:
            assert (row["failed"], row["longest_gap_seconds"]) == (0, 0.0), row


def test_a_new_certificate_is_seen_taking_over(
    fresh_lab: Lab, tmp_path: Path, certcheck: Certcheck
) -> None:
    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    with watched(fresh_lab, tmp_path) as told:
        until(lambda: told().count("serves ") == 8)
        assert certcheck("install", "-c", fresh_lab.config, "--yes").code == 0
        until(lambda: told().count("other certificate, ") >= 8)

    found = [row["certificates"] for row in rows(tmp_path)]
    old = {certificates[0].split()[0] for certificates in found}
    new = {certificates[-1].split()[0] for certificates in found}
    assert len(old) == len(new) == 1
    assert old != new
    for first, *_, last in found:
        # A handshake that had begun before the change may end after it.
        for earlier, later in zip(first.split()[1:], last.split()[1:], strict=True):
            assert earlier <= later


@pytest.mark.parametrize("server", ["Dovecot", "Postfix"])
def test_a_handshake_leaves_the_lines_that_the_page_tells(
    shared: Lab, tmp_path: Path, server: str
) -> None:
    scheme, log = {
        "Dovecot": ("imap:", shared.path / "log" / "dovecot.log"),
        "Postfix": ("smtp:", shared.path / "log" / "postfix.log"),
    }[server]
    url = next(url for url in shared.host.endpoints if url.startswith(scheme))
    before = len(log.read_text().splitlines())
    with watched(shared, tmp_path, url):
        until(lambda: len(log.read_text().splitlines()) >= before + 9)

    told = dict(ROW.findall(PAGE.read_text("utf-8")))
    taken = night(tmp_path)["connections"]
    until(lambda: len(log.read_text().splitlines()) >= before + taken * int(told[server]))
    assert len(log.read_text().splitlines()) == before + taken * int(told[server])
