"""A run dies at its numbered point in tests, and nowhere else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PASSES_TWO_POINTS = """
from pathlib import Path
from certcheck.store import crash
crash.arm(Path({state!r}))
crash.point()
crash.point()
print("alive")
"""


def code(state: Path, **env: str) -> int:
    usual = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    return subprocess.run(
        [sys.executable, "-c", PASSES_TWO_POINTS.format(state=str(state))],
        env=usual | env,
        check=False,
        capture_output=True,
        timeout=30,
    ).returncode


@pytest.mark.parametrize("number", ["1", "2"])
def test_a_test_dies_at_the_point(tmp_path: Path, number: str) -> None:
    assert code(tmp_path, CERTCHECK_CRASH_AT=number, PYTEST_CURRENT_TEST="x") == -9


def test_a_lab_dies_at_the_point(tmp_path: Path) -> None:
    (tmp_path / "lab.json").touch()

    assert code(tmp_path / "state", CERTCHECK_CRASH_AT="2") == -9


@pytest.mark.parametrize("number", ["0", "3", "", "-1", "x", "²"])
def test_a_point_that_is_never_passed_kills_nobody(tmp_path: Path, number: str) -> None:
    assert code(tmp_path, CERTCHECK_CRASH_AT=number, PYTEST_CURRENT_TEST="x") == 0


def test_a_real_run_takes_no_notice(tmp_path: Path) -> None:
    assert code(tmp_path, CERTCHECK_CRASH_AT="1") == 0
