"""A proxy before a real certificate authority, which on command refuses, fails, dawdles or cuts.

The authority builds its URLs from the Host header, which is passed on: so all of them lead here.
"""

import http.client
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

_PATIENCE = 30.0

# What is done to a request: answered in the authority's place, kept from it, or kept from us.
Kind = Literal["answer", "delay", "cut_request", "cut_answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to the next `times` requests whose path begins with `path`."""

    path: str
    kind: Kind
    times: int = 1
    status: int = 500
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(slots=True)
class CaProxy:
    """Where it listens, what was asked through it, and the faults that are still to come."""

    directory: str
    asked: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, path: str) -> Fault | None:
        """The fault for a request to `path`, which is used up by it."""
        with self._lock:
            self.asked.append(path)
            for at, each in enumerate(self.faults):
                if path.startswith(each.path):
                    left = replace(each, times=each.times - 1)
                    self.faults[at : at + 1] = [left] if left.times else []
                    return each
        return None

    def times_asked(self, path: str) -> int:
        """How many requests to `path` have come."""
        return sum(each.startswith(path) for each in self.asked)


@contextmanager
def ca_proxy(*, port: int, ca_file: Path, identity: Path) -> Iterator[CaProxy]:
    """A proxy on a free port before the authority on `port` of loopback, until the block ends.

    `ca_file` is what the authority's HTTPS is trusted by, `identity` the proxy's key and chain.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    server = _Server(port, ssl.create_default_context(cafile=str(ca_file)))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.proxy
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ended = threading.Event()
        self.proxy = CaProxy(directory=f"https://localhost:{self.server_address[1]}/dir")
        self._port = port
        self._trust = trust

    def forwarded(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """What the authority answers."""
        authority = http.client.HTTPSConnection(
            "localhost", self._port, timeout=_PATIENCE, context=self._trust
        )
        try:
            authority.request(method, path, body, dict(headers))
            answer = authority.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            authority.close()

    def handle_error(self, *_: Any) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.proxy.fault(self.path)
        match fault:
            case Fault(kind="answer"):
                self._answer(fault.status, list(fault.headers.items()), fault.body)
                return
            case Fault(kind="cut_request"):
                self._hang_up()
                return
            case Fault(kind="delay"):
                self.server.ended.wait(fault.seconds)
        sent = {k: v for k, v in self.headers.items() if k.lower() != "accept-encoding"}
        status, headers, answer = self.server.forwarded(self.command, self.path, sent, body)
        if fault is not None and fault.kind == "cut_answer":
            self._hang_up()
            return
        self._answer(status, headers, answer)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        pass
