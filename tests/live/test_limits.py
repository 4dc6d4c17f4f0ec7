"""No room, no right, no answer: the old certificate stays, and it is said why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from certcheck.lab import Lab
from tests.barring import immutable, read_only
from tests.conftest import Certcheck
from tests.live.hosting import blocked_at_reload, files, hanging, served


@pytest.mark.parametrize("most", [400, 2000, 12_000])
def test_a_limit_on_the_size_of_files_changes_nothing(
    issued: Lab, certcheck: Certcheck, most: int
) -> None:
    before, old = files(issued), served(issued)

    done = subprocess.run(
        [
            *("prlimit", f"--fsize={most}"),
            *(sys.executable, "-m", "certcheck", "install", "-c", issued.config),
        ],
        # Without coverage, whose own file would hit the limit.
        env={name: value for name, value in os.environ.items() if not name.startswith("COV")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode in {3, 4}, done.stderr
    assert done.stderr.splitlines()[-1].startswith("certcheck: ")
    assert files(issued) == before
    assert served(issued) == old
    assert certcheck("recover", "-c", issued.config).code == 0
    assert files(issued) == before
    assert served(issued) == old


WAYS = {"immutable": immutable, "read-only": read_only}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("server", ["dovecot", "postfix"])
def test_a_file_that_cannot_be_replaced_stops_before_any_write(
    issued: Lab, certcheck: Certcheck, server: str, way: str
) -> None:
    before, old = files(issued), served(issued)
    path = max((issued.path / server / "tls").iterdir())

    with WAYS[way](path):
        refused = certcheck("install", "-c", issued.config)

    assert refused.code == 3
    assert "cannot be replaced: " in refused.complaint
    assert way in refused.complaint
    assert files(issued) == before
    assert served(issued) == old
    assert list(issued.path.glob("state/journal/*-install")) == []


def test_a_file_of_ansible_stops_before_any_write(issued: Lab, certcheck: Certcheck) -> None:
    path = issued.path / "postfix" / "tls" / "chain.pem"
    right = path.read_bytes()
    path.write_bytes(b"# Ansible managed\n" + right)
    before = files(issued)
    try:
        refused = certcheck("install", "-c", issued.config)
        now = files(issued)
    finally:
        path.write_bytes(right)

    assert refused.code == 3
    assert f"{path} belongs to configuration management" in refused.complaint
    assert now == before


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_reload_that_hangs_is_stopped_and_undone(
    fresh_lab: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    before, old = files(fresh_lab), served(fresh_lab)

    run = blocked_at_reload(fresh_lab, tmp_path, hang_once=True)

    assert run.wait(timeout=200) == 4
    assert files(fresh_lab) == before
    assert served(fresh_lab) == old
    assert hanging(tmp_path) == []
