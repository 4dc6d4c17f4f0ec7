import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from certcheck.issue.authority import Authority
from certcheck.lab import pki


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the scripted authority answers to one path; BASE in it is the authority's own URL."""

    status: int = 200
    body: bytes | Mapping[str, Any] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    trickle: float = 0.0
    cut: bool = False


Script = Mapping[str, Reply | tuple[Reply, ...]]  # several are given in turn, the last for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """An authority that says what the test wants; `asked` is what it was asked."""

    authority: Authority
    base: str
    asked: list[tuple[str, str]]


ScriptedMaker = Callable[[Script], Scripted]


def problem(kind: str, detail: str, status: int = 400, **more: Any) -> Reply:
    headers = {"Content-Type": "application/problem+json"} | more.pop("headers", {})
    body = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail, **more}
    return Reply(status=status, body=body, headers=headers)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trouble is over soon in a test, or never."""
    monkeypatch.setattr("certcheck.issue.trouble._PAUSES", (0.01, 0.02, 0.03))


@pytest.fixture(scope="session")
def https_identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("https")
    trust = pki.authority()
    leaf = trust.issue(pki.Shape(names=("localhost",)))
    (folder / "server.pem").write_bytes(leaf.key_first)
    (folder / "ca.pem").write_bytes(trust.root.certificate)
    return folder / "server.pem", folder / "ca.pem"


@pytest.fixture
def scripted(https_identity: tuple[Path, Path]) -> Iterator[ScriptedMaker]:
    with ExitStack() as running:

        def make(script: Script) -> Scripted:
            return running.enter_context(_scripted(script, *https_identity))

        yield make


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


class _Server(ThreadingHTTPServer):
    def __init__(self, script: Script, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.base = f"https://localhost:{self.server_address[1]}"
        needed = ("newNonce", "newAccount", "newOrder")
        usual: Script = {
            "/dir": Reply(body={each: f"{self.base}/{each}" for each in needed}),
            "/newNonce": Reply(),
        }
        self._script = {**usual, **script}
        self.asked: list[tuple[str, str]] = []
        self.ended = threading.Event()

    def reply(self, path: str) -> Reply:
        """What is said at `path` now."""
        match self._script.get(path, Reply(status=404)):
            case Reply() as one:
                return one
            case (last,):
                return last
            case several:
                self._script[path] = several[1:]
                return several[0]

    def handle_error(self, *_: Any) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path))
        reply = self.server.reply(self.path)
        plain = isinstance(reply.body, bytes)
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        body = body.replace(b"BASE", self.server.base.encode())
        self._head(reply, "text/html" if plain else "application/json", len(body))
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if reply.cut else body)
        self.close_connection = reply.cut

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def _head(self, reply: Reply, kind: str, length: int) -> None:
        self.send_response(reply.status)
        while reply.trickle and not self.server.ended.wait(reply.trickle):
            self.flush_headers()
            self.wfile.write(b"X-Slow: yes\r\n")
        headers = {"Replay-Nonce": "bm9uY2U", "Content-Type": kind} | dict(reply.headers)
        for name, value in headers.items():
            if value:
                self.send_header(name, value.replace("BASE", self.server.base))
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def _scripted(script: Script, server_pem: Path, ca_pem: Path) -> Iterator[Scripted]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_pem)
    server = _Server(script, context)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield Scripted(
            authority=Authority(directory=f"{server.base}/dir", ca_file=ca_pem),
            base=server.base,
            asked=server.asked,
        )
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
