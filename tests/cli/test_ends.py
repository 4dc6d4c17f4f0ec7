"""How a command ends: where its result goes, and what signals, pipes and full disks do to it."""

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.conftest import COMMAND, Certcheck


def test_with_stdout_closed_it_still_ends_by_the_contract() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *COMMAND, "audit", "imap://127.0.0.1:9"],
        stderr=-1,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_an_audit_with_a_document(number: signal.Signals, code: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"imap://127.0.0.1:{silent.getsockname()[1]}"
        audit = subprocess.Popen(
            [*COMMAND, "audit", "--json", url], stdout=-1, stderr=-1, text=True
        )
        silent.settimeout(30)
        visitor, _ = silent.accept()  # it is in the middle of asking

        audit.send_signal(number)
        output, errors = audit.communicate(timeout=60)
        visitor.close()

    assert audit.returncode == code
    assert json.loads(output)["exit_code"] == code
    assert errors == "certcheck: interrupted by a signal (nothing is left half done)\n"


def test_an_older_report_does_not_survive_an_error(certcheck: Certcheck, tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text("yesterday's")

    ended = certcheck("audit", "-o", "report.txt", "-c", "gone.toml", "imap://localhost")

    assert ended.code == 2
    assert "cannot read gone.toml" in (tmp_path / "report.txt").read_text()


def test_a_reader_that_has_seen_enough_changes_nothing() -> None:
    audit = subprocess.Popen(
        [*COMMAND, "audit", "--json", "imap://127.0.0.1:9"], stdout=subprocess.PIPE, stderr=-1
    )
    assert audit.stdout is not None
    assert audit.stderr is not None
    audit.stdout.close()

    with audit.stderr:
        assert audit.stderr.read() == b""
    assert audit.wait(timeout=60) == 1


def test_a_full_disk_is_told(certcheck: Certcheck) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "audit", "imap://127.0.0.1:9"],
            stdout=full,
            stderr=-1,
            text=True,
            check=False,
        )

    assert done.returncode == 1  # the port is closed, as it was
    assert "cannot write the result: No space left" in done.stderr
    assert certcheck("fingerprints", "-o", "/dev/full", "imap://127.0.0.1:9").code == 3


def test_an_output_that_cannot_be_written_is_refused_at_once(certcheck: Certcheck) -> None:
    ended = certcheck("audit", "-o", "gone/report.txt", "imap://localhost")

    assert ended.code == 2
    assert "cannot write gone/report.txt" in ended.complaint


def test_the_result_can_go_to_a_file(certcheck: Certcheck, tmp_path: Path) -> None:
    ended = certcheck("audit", "--json", "-o", "run.json", "imap://127.0.0.1:9")

    assert ended.code == 1
    assert ended.stdout == ""
    assert json.loads((tmp_path / "run.json").read_text())["exit_code"] == 1


def test_the_result_can_be_markdown(certcheck: Certcheck) -> None:
    ended = certcheck("audit", "--format", "markdown", "imap://127.0.0.1:9")

    assert ended.stdout.startswith("# certcheck audit")
