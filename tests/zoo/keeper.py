"""Hostile mail servers on loopback: each connection is a thread that runs one behaviour."""

import contextlib
import select
import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

PATIENCE = 20.0


class Closing:
    """The end of a server, for which all of its threads wait without waking up in between."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._rope, self._bell = socket.socketpair()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        self._event.wait(seconds)

    def set(self) -> None:
        self._event.set()
        self._rope.close()

    def awaits(self, sock: socket.socket) -> bool:
        """True when `sock` has something to read, False at the end."""
        both = select.poll()
        both.register(sock, select.POLLIN)
        both.register(self._bell, select.POLLIN)
        both.poll()
        return not self.is_set()

    def forget(self) -> None:
        """When no thread waits any more."""
        self._bell.close()


class _Socket(ssl.SSLSocket):
    # `wrap_socket` forgets the socket that it has made when the client is gone already.
    def __del__(self) -> None:
        self.close()


class Visitor:
    """One client's connection, as the behaviour of a server sees it."""

    def __init__(self, sock: socket.socket, number: int, closing: "Closing") -> None:
        self.sock = sock
        self.number = number
        self.closing = closing
        self._rest = b""
        sock.settimeout(PATIENCE)

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, data: bytes) -> None:
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(data)):
            self.sock.sendall(data[at : at + 1])

    def hear(self) -> bytes:
        """The next line, without its end; raises EOFError."""
        while b"\n" not in self._rest:
            data = self.sock.recv(4096)
            if not data:
                raise EOFError
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r")

    def hear_bytes(self) -> bytes:
        return self.sock.recv(4096)

    def stay_silent(self) -> None:
        """Until the client hangs up or the zoo closes."""
        self.sock.settimeout(0.01)
        while self.closing.awaits(self.sock):
            with contextlib.suppress(TimeoutError):
                if not self.sock.recv(4096):
                    return

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def tls(self, context: ssl.SSLContext) -> None:
        context.sslsocket_class = _Socket
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self._rest = b""


Behaviour = Callable[[Visitor], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens, and how many clients came."""

    port: int
    address: str
    count: Callable[[], int]


@contextlib.contextmanager
def kept(behaviour: Behaviour, address: str = "127.0.0.1", port: int = 0) -> Iterator[Place]:
    """A server with this behaviour, on a free port or the given one, until the block ends."""
    closing = Closing()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(1024)  # a sweep knocks at very many addresses at once, all of them this one
        listener.settimeout(1.0)
        threads: list[threading.Thread] = []
        doorman = threading.Thread(
            target=_admit, args=(listener, behaviour, closing, threads), daemon=True
        )
        doorman.start()
        try:
            yield Place(listener.getsockname()[1], address, lambda: len(threads))
        finally:
            closing.set()
            doorman.join()
            for thread in threads:
                thread.join()
            closing.forget()


def _admit(
    listener: socket.socket,
    behaviour: Behaviour,
    closing: Closing,
    threads: list[threading.Thread],
) -> None:
    while closing.awaits(listener):
        try:
            sock, _ = listener.accept()
        except OSError:  # the client is gone again
            continue
        visitor = Visitor(sock, len(threads) + 1, closing)
        thread = threading.Thread(target=_serve, args=(behaviour, visitor), daemon=True)
        threads.append(thread)
        thread.start()


def _serve(behaviour: Behaviour, visitor: Visitor) -> None:
    try:
        with contextlib.suppress(OSError, EOFError, ValueError):
            behaviour(visitor)
    finally:
        visitor.sock.close()


def context(chain: str, *, oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> ssl.SSLContext:
    """A server's TLS context from a file with key and chain."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(chain)
    made.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made.minimum_version = oldest
    return made
