"""The two http-01 solvers: an own listener, and a directory that a web server publishes."""

import errno
import os
import re
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from certcheck.errors import InputError, Obstacle
from certcheck.issue.solver import Challenge

HTTP_PORT = 80  # RFC 8555 8.3

_PATH = "/.well-known/acme-challenge/"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")  # RFC 8555 8.3: the base64url alphabet, nothing else
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - RFC 8555 8.3: the authority comes from anywhere
_MAX_CONNECTIONS = 64
_CONNECTION_SECONDS = 10.0
_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


class Listener:
    """Answers http-01 itself, on `port` of all addresses, while a challenge is presented.

    Only the paths of presented tokens exist. Raises Obstacle when it cannot listen. One listener
    serves all challenges of an order, one order at a time.
    """

    kind = "http-01"

    def __init__(self, port: int, addresses: Sequence[str] = _EVERYWHERE) -> None:
        self._port = port
        self._addresses = tuple(addresses)
        self._answers: dict[str, str] = {}
        self._running = ExitStack()

    @contextmanager
    def presented(self, challenge: Challenge) -> Iterator[None]:
        """A context in which the token's path gives the key authorization."""
        token = _checked_token(challenge.token)
        if not self._answers:
            self._start()
        self._answers[token] = challenge.key_authorization
        try:
            yield
        finally:
            del self._answers[token]
            if not self._answers:
                self._running.close()

    def ready(self) -> None:
        """As the protocol says: at once."""

    def _start(self) -> None:
        with ExitStack() as starting:
            bound = [self._bound(address, starting) for address in self._addresses]
            if not any(bound):
                raise _cannot_listen(self._port, OSError(errno.EADDRNOTAVAIL, "no such address"))
            self._running = starting.pop_all()

    def _bound(self, address: str, running: ExitStack) -> bool:
        try:
            server = _Server(address, self._port, self._answers)
        except OSError as e:
            if ":" in address and e.errno in _NO_IPV6:  # a host without IPv6 is served by IPv4
                return False
            raise _cannot_listen(self._port, e) from e
        running.callback(server.server_close)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        running.callback(server.shutdown)
        return True


class Webroot:
    """Puts http-01 tokens into a directory that a web server publishes at `/`.

    Raises InputError when `directory` is none, Obstacle when it cannot write there. Directories
    that it made are removed with the last token.
    """

    kind = "http-01"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def presented(self, challenge: Challenge) -> Iterator[None]:
        """A context in which the token's file stands in the directory."""
        token = _checked_token(challenge.token)
        if not self._directory.is_dir():
            raise InputError(
                f"webroot {self._directory} is not a directory",
                hint="give the directory that the web server publishes at /",
            )
        folder = self._directory / _PATH.strip("/")
        with ExitStack() as leftovers:
            try:
                for each in (folder.parent, folder):
                    _make_folder(each, leftovers)
                leftovers.callback(_remove, folder / token)
                _publish(folder / token, challenge.key_authorization.encode())
            except OSError as e:
                raise Obstacle(
                    f"cannot write below webroot {self._directory}: {e.strerror}",
                    hint="run as the user who owns it, or use --http-port",
                ) from e
            yield

    def ready(self) -> None:
        """As the protocol says: at once."""


class _Server(ThreadingMixIn, TCPServer):
    allow_reuse_address = True
    request_queue_size = 64
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: str, port: int, answers: Mapping[str, str]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.answers = answers
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:  # IPv4 has a socket of its own
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        # A time-out of the socket starts anew with each byte; this one does not.
        end = threading.Timer(_CONNECTION_SECONDS, _hang_up, (request,))
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor's broken connection is not worth a line."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "certcheck"
    sys_version = ""
    timeout = _CONNECTION_SECONDS
    error_message_format = "%(code)d\n"
    error_content_type = "text/plain"

    def do_GET(self) -> None:
        """The key authorization of a presented token, else 404."""
        token = self.path.removeprefix(_PATH) if self.path.startswith(_PATH) else ""
        answer = self.server.answers.get(token)
        if answer is None:
            self.send_error(404)
            return
        body = answer.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")  # RFC 8555 8.3
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """No access log: progress is the order's to tell."""


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _checked_token(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise Obstacle(
            f"the certificate authority sent the challenge token {token[:80]!a}, which is none",
            hint="a token is base64url (RFC 8555 8.3); nothing was written",
        )
    return token


def _cannot_listen(port: int, error: OSError) -> Obstacle:
    ways = "use --http-port behind a redirect, or --webroot DIR"
    match error.errno:
        case errno.EADDRINUSE:
            why, hint = "it is in use", f"another program listens on port {port}: {ways}"
        case errno.EACCES | errno.EPERM:
            why, hint = "this user may not", f"run as root, or {ways}"
        case _:
            why, hint = error.strerror or str(error), ways
    return Obstacle(f"cannot listen on port {port} for http-01: {why}", hint=hint)


def _make_folder(folder: Path, leftovers: ExitStack) -> None:
    try:
        folder.mkdir()
    except FileExistsError:
        return
    leftovers.callback(_remove_if_empty, folder)
    folder.chmod(0o755)  # the web server must get in, whatever the umask


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as e:
        raise Obstacle(f"cannot remove {file}: {e.strerror}", hint="remove it by hand") from e


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _publish(path: Path, content: bytes) -> None:
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(new, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)
            file.write(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
