"""Signals that end a run: all of them arrive as Ctrl-C does, so that everything is undone alike."""

import signal
from types import FrameType

_seen: list[int] = []


def expect() -> None:
    """From now on SIGTERM, and SIGHUP of a dropped SSH session, are a KeyboardInterrupt, too."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_ctrl_c)


def exit_code() -> int:
    """128 and the number of the signal that came; of Ctrl-C when none has."""
    return 128 + (_seen[-1] if _seen else signal.SIGINT)


def _as_ctrl_c(signum: int, _frame: FrameType | None) -> None:
    _seen.append(signum)
    # asyncio knows how to end its tasks at a SIGINT, and at no other signal.
    signal.raise_signal(signal.SIGINT)
