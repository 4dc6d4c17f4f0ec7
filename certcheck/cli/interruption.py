"""Signals that end a run: all of them arrive as Ctrl-C does, so that everything is undone alike."""

import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

_seen: list[int] = []


def expect() -> None:
    """From now on SIGTERM, and SIGHUP of a dropped SSH session, are a KeyboardInterrupt, too."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_ctrl_c)


def instead(end: Callable[[], None]) -> None:
    """From now on Ctrl-C, and what arrives as Ctrl-C does, calls `end` and does nothing else."""

    def called(_signum: int, _frame: FrameType | None) -> None:
        with suppress(RuntimeError):  # the loop that was to be ended is closed already
            end()

    signal.signal(signal.SIGINT, called)


def exit_code() -> int:
    """128 and the number of the signal that came; of Ctrl-C when none has."""
    return 128 + (_seen[-1] if _seen else signal.SIGINT)


def _as_ctrl_c(signum: int, _frame: FrameType | None) -> None:
    _seen.append(signum)
    # asyncio knows how to end its tasks at a SIGINT, and at no other signal.
    signal.raise_signal(signal.SIGINT)
