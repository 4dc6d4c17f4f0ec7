"""The one way from a workflow into asyncio, and out of it again by Ctrl-C."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def awaited(work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` comes to; a signal that arrives as Ctrl-C is a KeyboardInterrupt, always."""
    try:
        return asyncio.run(work)
    except asyncio.CancelledError as e:
        # A signal that comes while asyncio takes over its handling is not counted there (up to
        # Python 3.13 at least: Runner.run), and nobody else cancels the first task.
        raise KeyboardInterrupt from e
