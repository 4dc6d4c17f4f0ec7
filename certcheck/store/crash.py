"""Dying on purpose at a numbered point, so that tests can try every moment of a run.

`CERTCHECK_CRASH_AT=N` kills the process at the Nth point that it passes. It is honoured in tests
only: below pytest, and with the state directory of a lab.
"""

import os
import signal
from pathlib import Path

_VARIABLE = "CERTCHECK_CRASH_AT"

_left: list[int] = []


def arm(state: Path) -> None:
    """Count the points from here on, if this is a test and it asks for it."""
    wish = os.environ.get(_VARIABLE, "")
    test = "PYTEST_CURRENT_TEST" in os.environ or (state.parent / "lab.json").is_file()
    if test and wish.isascii() and wish.isdigit() and not _left:
        _left.append(int(wish[:9]))


def point() -> None:
    """Die here if this is the point, as kill -9 does: without a last word or a tidy end."""
    if _left:
        _left[0] -= 1
        if _left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
