"""How connections of sslyze's come up where its own way lets it misread the server."""

import functools
import socket
from collections.abc import Callable
from typing import Any

_HANDSHAKE = b"\x16"  # RFC 5246 6.2.1


def connecting(info: Any, way: Callable[[Any, Callable[[], None]], None]) -> Any:
    """`info`, whose connections come up this `way`."""
    open_ = info.get_preconfigured_tls_connection

    def opened(*args: Any, **settings: Any) -> Any:
        connection = open_(*args, **settings)
        connection.connect = functools.partial(way, connection, connection.connect)
        return connection

    object.__setattr__(info, "get_preconfigured_tls_connection", opened)
    return info


def let_in(connection: Any, connect: Callable[[], None]) -> None:
    """A way for checks that go on in their own way after the hello."""
    # sslyze takes a server that refuses the very hello of a check for one that passes it.
    client = connection.ssl_client
    if "do_handshake" in vars(client):  # the check's own
        client.do_handshake = functools.partial(_taken, client, client.do_handshake)
    connect()


def _taken(client: Any, shake: Callable[[], None]) -> None:
    sock = client._sock  # noqa: SLF001 - from which the checks read, past nassl
    client._sock = heard = _Heard(sock)  # noqa: SLF001 - as above
    try:
        shake()
    finally:
        client._sock = sock  # noqa: SLF001 - as above
        if heard.first[:1] != _HANDSHAKE:
            raise _NotLetInError


class _Heard:
    """A socket that remembers what came first."""

    def __init__(self, sock: socket.socket) -> None:
        self.send = sock.send
        self.first = b""
        self._recv = sock.recv

    def recv(self, size: int) -> bytes:
        data = self._recv(size)
        self.first = self.first or data
        return data


class _NotLetInError(Exception):
    error_message = "the server refuses the hello that the check begins with"
