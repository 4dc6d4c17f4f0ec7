"""Good servers on a bad line: some connections die, by a rule or by a seeded chance."""

import contextlib
import os
import random
import resource
import ssl
from collections.abc import Callable, Iterator
from typing import Literal

from tests.zoo.keeper import Behaviour, Visitor

Accident = Literal["dial reset", "eof", "reset", "hang"]
Strikes = Callable[[int], bool]


def now_and_then(seed: int, *, one_in: int = 10) -> Strikes:
    """A seeded chance for each connection."""
    chance = random.Random(seed)  # noqa: S311 - a test's faults, repeatable
    return lambda _: chance.randrange(one_in) == 0


def from_number(first: int) -> Strikes:
    """Every connection from the `first` on."""
    return lambda number: number >= first


def refusing_by_eof(context: ssl.SSLContext) -> Behaviour:
    """A TLS server that refuses as Dovecot does: it closes, without an alert."""

    def behaviour(visitor: Visitor) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        while data := visitor.hear_bytes():
            incoming.write(data)
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                visitor.say(outgoing.read())
            except ssl.SSLError:
                return
            else:
                tls.write(b"* OK zoo\r\n")
                visitor.say(outgoing.read())
                visitor.hear_bytes()
                return

    return behaviour


def on_bad_line(behaviour: Behaviour, accident: Accident, strikes: Strikes) -> Behaviour:
    """`behaviour`, with an accident on each connection that `strikes` names; implicit TLS only."""

    def unlucky(visitor: Visitor) -> None:
        if not strikes(visitor.number):
            behaviour(visitor)
        elif accident == "dial reset":
            visitor.reset()
        elif visitor.hear_bytes():
            if accident == "reset":
                visitor.reset()
            elif accident == "hang":
                visitor.stay_silent()

    return unlucky


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    """While the block runs, this process can open no file and no socket."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
