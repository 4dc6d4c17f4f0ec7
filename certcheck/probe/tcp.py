"""One TCP connection to a mail server: bytes in and out, with a deadline.

Of asyncio only the loop's readiness is used: its own calls on sockets register anew for each read,
and their time-outs cost more than all else that a look does in Python.
"""

import asyncio
import contextlib
import functools
import ipaddress
import os
import socket

from certcheck.probe.limits import ProbeError
from certcheck.probe.wire import shown

_CHUNK = 4096


class Tcp:
    """A TCP connection with one deadline (loop time) for all that happens on it.

    `own_address` is this end of it.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.deadline = deadline
        self._sock = sock
        # Of a socket itself the loop would often want to know all about both its ends.
        self._number = sock.fileno()
        self._loop = asyncio.get_running_loop()
        self._heard: asyncio.Future[None] | None = None
        self._listens = False

    @property
    def own_address(self) -> str:
        """The IP address of this end."""
        own: str = self._sock.getsockname()[0]
        return own

    async def recv(self) -> bytes:
        """The next bytes; empty at the end. Raises TimeoutError, OSError."""
        # What need not wait needs no timer.
        while True:
            try:
                return self._sock.recv(_CHUNK)
            except BlockingIOError:
                await self._readable()

    async def send(self, data: bytes) -> None:
        """Send all of `data`. Raises TimeoutError, OSError."""
        with contextlib.suppress(BlockingIOError):
            data = data[self._sock.send(data) :]
        if data:
            async with asyncio.timeout_at(self.deadline):
                await self._loop.sock_sendall(self._sock, data)

    def waiting(self) -> bytes:
        """Bytes that have arrived and were not read yet; they stay where they are."""
        try:
            return self._sock.recv(_CHUNK, socket.MSG_PEEK)
        except OSError:
            return b""

    def allow(self, seconds: float) -> None:
        """Set the deadline to `seconds` from now."""
        self.deadline = self._loop.time() + seconds

    def hurry(self, seconds: float) -> None:
        """Move the deadline so that at most `seconds` are left."""
        self.deadline = min(self.deadline, self._loop.time() + seconds)

    async def parted(self, *, within: float) -> None:
        """Close this end, and wait until the server has closed its own; never raises."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            self.hurry(within)
            while await self.recv():
                pass

    def close(self) -> None:
        """Close the connection; never raises."""
        self._listen_no_more()
        with contextlib.suppress(OSError):
            self._sock.close()

    async def connected(self, address: str, port: int) -> None:
        """Return when the server has taken the connection. Raises TimeoutError, OSError."""
        try:
            self._sock.connect((address, port))
        except BlockingIOError:
            ready = self._loop.create_future()
            self._loop.add_writer(self._number, _told, ready)
            try:
                await self._in_time(ready)
            finally:
                self._loop.remove_writer(self._number)
            number = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                raise OSError(number, os.strerror(number)) from None

    async def _readable(self) -> None:
        self._heard = self._loop.create_future()
        if not self._listens:
            # Once for all reads, as long as nothing comes that nobody waits for.
            self._loop.add_reader(self._number, self._hear)
            self._listens = True
        try:
            await self._in_time(self._heard)
        finally:
            self._heard = None

    def _hear(self) -> None:
        if self._heard is None:
            self._listen_no_more()
        else:
            _told(self._heard)

    def _listen_no_more(self) -> None:
        if self._listens:
            self._loop.remove_reader(self._number)
            self._listens = False

    async def _in_time(self, what: asyncio.Future[None]) -> None:
        late = self._loop.call_at(self.deadline, _give_up, what)
        try:
            await what
        finally:
            late.cancel()


def _told(what: asyncio.Future[None]) -> None:
    if not what.done():
        what.set_result(None)


def _give_up(what: asyncio.Future[None]) -> None:
    if not what.done():
        what.set_exception(TimeoutError())


async def dial(address: str, port: int, *, within: float) -> Tcp:
    """A connection to `address`, an IP literal, for `within` s; raises ProbeError."""
    deadline = asyncio.get_running_loop().time() + within
    family = _family(address)
    try:
        with contextlib.ExitStack() as undo:
            sock = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
            _prepare(sock, address)
            tcp = Tcp(sock, deadline)
            # Who resets had accepted us. Whether that is told here or by the first read is up to
            # chance, so it is told there.
            with contextlib.suppress(ConnectionResetError):
                await tcp.connected(address, port)
            undo.pop_all()
            return tcp
    except OSError as e:  # too many open files, too
        raise _unconnected(e, within) from e


def _prepare(sock: socket.socket, address: str) -> None:
    sock.settimeout(0)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if address == "127.0.0.1":
        # Dovecot takes 127.0.0.1 -> 127.0.0.1 for secured and hides LOGINDISABLED.
        sock.bind(("127.0.0.2", 0))


@functools.lru_cache(maxsize=1024)
def _family(address: str) -> socket.AddressFamily:
    try:
        six = isinstance(ipaddress.ip_address(address), ipaddress.IPv6Address)
    except ValueError as e:
        what = shown(ascii(address).encode())
        raise ProbeError("unreachable", f"this is no IP address: {what}") from e
    return socket.AF_INET6 if six else socket.AF_INET


def _unconnected(error: OSError, within: float) -> ProbeError:
    match error:
        case ConnectionRefusedError():
            return ProbeError("refused", "the port is closed: connection refused")
        case TimeoutError():
            return ProbeError("unreachable", f"no connection within {within:g} s")
        case _:
            return ProbeError("unreachable", error.strerror or str(error))
