"""A deadline for what has none of its own: requests' covers neither look-ups nor a trickle."""

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

import requests

Answer = TypeVar("Answer")


def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """What `ask` gives, if it does so in time; raises a RequestException otherwise."""
    answers: list[Answer] = []
    failures: list[OSError | ValueError] = []

    def run() -> None:
        try:
            answers.append(ask())
        except (OSError, ValueError) as e:
            # OSError: requests' own, and a ca_file that vanished. ValueError: a URL or a header
            # that requests takes for readable.
            failures.append(e)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    for failure in failures:
        if isinstance(failure, requests.RequestException):
            raise failure
        raise requests.ConnectionError(str(failure)) from failure
    if not answers:
        raise requests.Timeout(f"no complete answer within {seconds:.1f} s")
    return answers[0]
