import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.process_tree import memory
from tests.zoo.identities import context
from tests.zoo.keeper import kept
from tests.zoo.manners import server

pytestmark = pytest.mark.slow

MEGABYTE = 1024**2
_EVERY = 0.02


def test_an_audit_with_all_its_children_stays_small() -> None:
    with ExitStack() as zoo:
        places = [zoo.enter_context(kept(server("imap", tls=context()))) for _ in range(3)]
        urls = [f"imap://127.0.0.1:{place.port}" for place in places]
        audit = zoo.enter_context(started("audit", "--depth", "standard", *urls))
        sizes = list(sampled(audit))

    assert max(map(len, sizes)) == 3  # itself, and two children at a time
    assert len({pid for size in sizes for pid in size}) == 3  # who was done went on with the third
    assert max(sum(size.values()) for size in sizes) < 250 * MEGABYTE
    assert max(size.get(audit.pid, 0) for size in sizes) < 70 * MEGABYTE


@contextmanager
def started(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", "certcheck", *argv], stdout=subprocess.DEVNULL
    ) as process:
        killer = threading.Timer(60, process.kill)
        killer.start()
        try:
            yield process
        finally:
            killer.cancel()
            process.kill()


def sampled(process: subprocess.Popen[bytes]) -> Iterator[dict[int, int]]:
    """The resident bytes of the process and all its children, now and then until it ends."""
    while True:
        yield memory(process.pid)
        try:
            process.wait(_EVERY)
        except subprocess.TimeoutExpired:
            continue
        return
