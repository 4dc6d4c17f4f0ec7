"""What the live tests of `issue` share: the lab's Pebble, Pebbles of one's own, and an order."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from certcheck import x509
from certcheck.issue.authority import Authority
from certcheck.issue.http01 import Listener
from certcheck.issue.order import Issued, issued
from certcheck.lab import Lab, pebble, pki
from certcheck.lab.daemons import Daemon, held
from certcheck.lab.ports import LOOPBACK, reserved
from certcheck.lab.premises import program
from certcheck.model.endpoint import Hostname
from certcheck.names import hostname
from certcheck.store.orders import Order
from tests.issue.play import begun, terms

NAMES = tuple(map(hostname, ("mail.example.test", "imap.example.test", "smtp.example.test")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ca:
    authority: Authority
    http01_port: int
    management: str
    log: Path | None = None

    @property
    def orders(self) -> int:
        """How many orders it has taken, by its own log."""
        return self._logged("Added order")

    @property
    def finalized(self) -> int:
        """How many orders it has been asked to finalize."""
        return self._logged("Processing finalization")

    def _logged(self, words: str) -> int:
        assert self.log is not None
        return self.log.read_text().count(words)

    def root(self, number: int = 0) -> bytes:
        assert self.authority.ca_file is not None
        return pebble.fetched(f"{self.management}/roots/{number}", ca_file=self.authority.ca_file)


PebbleMaker = Callable[..., Ca]


@contextmanager
def running_pebble(
    folder: Path, *, env: Mapping[str, str], config: Mapping[str, Any]
) -> Iterator[Ca]:
    """A Pebble of one's own, with its own DNS, where the lab's has other settings."""
    _write_identity(folder)
    with reserved(6) as ports, held(folder / "holder.log") as daemons:
        acme, management, http01, tls, dns, challenges = ports
        settings = {
            "listenAddress": f"{LOOPBACK}:{acme}",
            "managementListenAddress": f"{LOOPBACK}:{management}",
            "certificate": str(folder / "cert.pem"),
            "privateKey": str(folder / "key.pem"),
            "httpPort": http01,
            "tlsPort": tls,
            "domainBlocklist": ["blocked.example.test"],
            **config,
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        daemons.start(_challtestsrv(folder, management=challenges, dns=dns))
        daemons.start(_pebble(folder, dns=dns, env=env))
        ca = Ca(
            authority=Authority(
                directory=f"https://localhost:{acme}/dir", ca_file=folder / "ca.pem"
            ),
            http01_port=http01,
            management=f"https://localhost:{management}",
            log=folder / "pebble.log",
        )
        wait_for(ca)
        yield ca


def _write_identity(folder: Path) -> None:
    https = pki.authority()
    leaf = https.issue(pki.Shape(names=("localhost",)))
    (folder / "ca.pem").write_bytes(https.root.certificate)
    (folder / "cert.pem").write_bytes(leaf.chain)
    (folder / "key.pem").write_bytes(leaf.key)


def _challtestsrv(folder: Path, *, management: int, dns: int) -> Daemon:
    return Daemon(
        name="pebble-challtestsrv",
        argv=(
            program("pebble-challtestsrv"),
            *("-management", f"{LOOPBACK}:{management}", "-dns01", f"{LOOPBACK}:{dns}"),
            *("-defaultIPv4", LOOPBACK, "-defaultIPv6", ""),
            *("-http01", "", "-https01", "", "-tlsalpn01", ""),
        ),
        output=folder / "challtestsrv.log",
    )


def _pebble(folder: Path, *, dns: int, env: Mapping[str, str]) -> Daemon:
    usual = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "0"}
    return Daemon(
        name="pebble",
        argv=(
            program("pebble"),
            *("-config", str(folder / "pebble.json"), "-dnsserver", f"{LOOPBACK}:{dns}"),
        ),
        output=folder / "pebble.log",
        env=usual | dict(env),
    )


def wait_for(ca: Ca) -> None:
    assert ca.authority.ca_file is not None
    pause = threading.Event()
    for _ in range(200):
        try:
            pebble.fetched(ca.authority.directory, ca_file=ca.authority.ca_file)
        except OSError:
            pause.wait(0.05)
        else:
            return
    pytest.fail("pebble does not answer")


@pytest.fixture
def new_pebble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PebbleMaker]:
    with ExitStack() as all_of_them:

        def make(*, config: Mapping[str, Any] | None = None, **env: str) -> Ca:
            folder = tmp_path_factory.mktemp("pebble")
            return all_of_them.enter_context(running_pebble(folder, env=env, config=config or {}))

        yield make


@pytest.fixture
def ca(lab: Lab) -> Ca:
    return Ca(
        authority=Authority(directory=lab.acme_directory, ca_file=lab.acme_ca),
        http01_port=lab.http01_port,
        management="",
    )


def order(ca: Ca, state: Path, **changes: Any) -> Issued:
    kind: x509.KeyKind = changes.pop("key_kind", "ecdsa")
    told: list[str] = changes.pop("told", [])
    names: Sequence[Hostname] = changes.pop("names", NAMES)
    deadline, progress = changes.pop("deadline", 60), changes.pop("progress", told.append)

    def anew() -> Order:
        listed = [name.ascii for name in names]
        key_pem = x509.new_key(kind)
        return begun(state, ca.authority.directory, names=listed, key=kind, key_pem=key_pem)

    agreed = terms(ca.authority, state, deadline=deadline, progress=progress)
    return issued(anew(), agreed, anew=anew, **{"solver": Listener(ca.http01_port)} | changes)


@contextmanager
def web_server(port: int, directory: Path) -> Iterator[None]:
    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(directory))

        def log_message(self, *args: Any) -> None:
            pass

    with serving(ThreadingHTTPServer((LOOPBACK, port), Handler)):
        yield


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[ThreadingHTTPServer]:
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
