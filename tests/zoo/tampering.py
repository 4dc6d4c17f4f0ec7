"""A real TLS server whose records somebody changes on their way out."""

import socket
import ssl
from collections.abc import Callable, Iterator

from tests.zoo import records
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.manners import talk

# What leaves instead of one flight of the server's; its number counts from 1.
Tamper = Callable[[int, bytes], Iterator[bytes]]
Context = Callable[[], ssl.SSLContext]


class _Tampered:
    """As much of a socket as a visitor needs, over TLS in memory."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, tamper: Tamper) -> None:
        self._sock, self._tamper = sock, tamper
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._flight = 0

    def shake(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._feed()
            except ssl.SSLError:
                self._flush()  # the alert
                raise
            else:
                self._flush()
                return

    def recv(self, size: int) -> bytes:
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._flush()  # a library has words of its own: it refuses to renegotiate
                self._feed()

    def sendall(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def close(self) -> None:
        self._sock.close()

    def _feed(self) -> None:
        data = self._sock.recv(4096)
        if not data:
            raise EOFError
        self._incoming.write(data)

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._flight += 1
            for piece in self._tamper(self._flight, data):
                self._sock.sendall(piece)


def tampered(protocol: str, context: Context, tamper: Tamper) -> Behaviour:
    """A server of implicit TLS, with `tamper` between it and the client."""

    def behaviour(visitor: Visitor) -> None:
        visitor.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        middle = _Tampered(visitor.sock, context(), tamper)
        middle.shake()
        visitor.sock = middle  # type: ignore[assignment]  # what `talk` uses of a socket is there
        talk(visitor, protocol)

    return behaviour


def by_bytes(_: int, data: bytes) -> Iterator[bytes]:
    """Each byte in a segment of its own."""
    yield from (data[at : at + 1] for at in range(len(data)))


def headers_apart(_: int, data: bytes) -> Iterator[bytes]:
    """Each record's header in two segments."""
    for each in records.split(data):
        yield from (each[:2], each[2:7], each[7:])


def in_tiny_records(number: int, data: bytes) -> Iterator[bytes]:
    """The first flight with one byte of handshake in each record; as much as is not encrypted."""
    for each in records.split(data):
        if number > 1 or each[0] != records.HANDSHAKE:
            yield each
        else:
            yield b"".join(records.record(each[0], each[at : at + 1]) for at in range(5, len(each)))


def before(extra: bytes, *, flight: int = 1) -> Tamper:
    """`extra` before a flight."""

    def tamper(number: int, data: bytes) -> Iterator[bytes]:
        yield extra + data if number == flight else data

    return tamper


def behind(extra: bytes, *, kept: int = 99, flight: int = 1) -> Tamper:
    """`extra` behind the first records of a flight; what follows is sent as well."""

    def tamper(number: int, data: bytes) -> Iterator[bytes]:
        if number != flight:
            yield data
            return
        all_of_it = list(records.split(data))
        yield b"".join((*all_of_it[:kept], extra, *all_of_it[kept:]))

    return tamper


def cut(*, kept: int, flight: int = 1, extra: bytes = b"") -> Tamper:
    """Only the first records of a flight, then `extra`, and then nothing any more."""

    def tamper(number: int, data: bytes) -> Iterator[bytes]:
        if number < flight:
            yield data
        elif number == flight:
            yield b"".join(list(records.split(data))[:kept]) + extra

    return tamper
