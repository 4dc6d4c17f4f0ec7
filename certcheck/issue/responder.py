"""The web server of the http-01 listener: short answers, and no patience with slow visitors."""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

_PATH = "/.well-known/acme-challenge/"
_MAX_CONNECTIONS = 64
_CONNECTION_SECONDS = 10.0


class Responder(ThreadingMixIn, TCPServer):
    """Gives the answer of each token at its path, and 404 anywhere else."""

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
    server: Responder
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
