"""Things that are made once, though many servers may ask for them at the same time."""

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# One for all: what is made once may be made of such things.
_MAKING = threading.RLock()


def once(make: Callable[P, T]) -> Callable[P, T]:
    """`functools.cache`, which alone lets two threads make two of the same."""
    cached = functools.cache(make)

    @functools.wraps(make)
    def made(*args: P.args, **settings: P.kwargs) -> T:
        with _MAKING:
            return cached(*args, **settings)  # type: ignore[arg-type]  # mypy asks for hashables

    return made
