import socket
from pathlib import Path

import pytest

from certcheck.errors import Obstacle
from certcheck.lab import ports


def test_reserved_ports_are_distinct_and_below_the_ephemeral_range() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    with ports.reserved(16) as found:
        assert len(set(found)) == 16
        assert all(1024 < port < lowest for port in found)
        assert all(ports.is_free(port) for port in found)


def test_two_reservations_never_overlap() -> None:
    with ports.reserved(20) as first, ports.reserved(20) as second:
        assert not set(first) & set(second)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_bound_port_is_not_free(kind: socket.SocketKind) -> None:
    with socket.socket(type=kind) as busy:
        busy.bind((ports.LOOPBACK, 0))

        assert not ports.is_free(busy.getsockname()[1])


def test_no_free_block_is_an_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_TRIES", 0)

    with pytest.raises(Obstacle, match="no 3 free ports"), ports.reserved(3):
        pass


def test_more_ports_than_a_block_has_is_a_bug() -> None:
    with pytest.raises(ValueError, match="20"), ports.reserved(21):
        pass
