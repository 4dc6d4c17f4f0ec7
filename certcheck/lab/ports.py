"""Loopback ports that nobody uses, and that no other lab will take."""

import errno
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certcheck.errors import Obstacle

LOOPBACK = "127.0.0.1"

_FIRST = 20000
_BLOCK = 20  # labs take whole blocks, so that two of them meet in one place or not at all
_TRIES = 200
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@contextmanager
def reserved(count: int) -> Iterator[tuple[int, ...]]:
    """`count` ports below the ephemeral range, free for TCP and UDP, ours until the end.

    An abstract socket stands for the block: unlike a lock file it goes with its process. So two
    labs that start at once never choose the same ports, and a port that is bound only later, such
    as the one for http-01, stays free. Raises Obstacle when nothing is free.
    """
    if not 0 < count <= _BLOCK:
        raise ValueError(f"a block has {_BLOCK} ports")
    last = (int(_RANGE.read_text().split()[0]) - _FIRST) // _BLOCK
    for _ in range(_TRIES):
        first = _FIRST + _BLOCK * secrets.randbelow(last)
        ports = tuple(range(first, first + count))
        with socket.socket(socket.AF_UNIX) as claim:
            if _binds(claim, f"\0certcheck-lab-{first}") and all(map(is_free, ports)):
                yield ports
                return
    raise Obstacle(
        f"no {count} free ports in a row from {_FIRST} on {LOOPBACK}", hint="see `ss -lntu`"
    )


def is_free(port: int) -> bool:
    """Whether `port` can be bound on loopback, for TCP and for UDP."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        return _binds(tcp, (LOOPBACK, port)) and _binds(udp, (LOOPBACK, port))


def _binds(one: socket.socket, address: str | tuple[str, int]) -> bool:
    try:
        one.bind(address)
    except OSError as e:
        if e.errno != errno.EADDRINUSE:
            raise
        return False
    return True
