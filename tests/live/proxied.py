"""A control host whose certificate authority is behind a proxy that can make trouble."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from certcheck.lab import pki
from tests.conftest import Certcheck, Ended
from tests.live.control import Control, control
from tests.live.pebbles import Ca, PebbleMaker, new_pebble, web_server
from tests.zoo.ca_proxy import CaProxy, ca_proxy

__all__ = ["new_pebble"]  # a fixture


class Site:
    """A control host whose authority is behind a proxy."""

    def __init__(self, host: Control, proxy: CaProxy) -> None:
        self.host, self.proxy = host, proxy

    def issue(self, *arguments: str) -> Ended:
        with web_server(self.host.ca.http01_port, self.host.webroot):
            return self.host.run("issue", *arguments)

    def issue_other(self) -> Ended:
        """An order for another set of names."""
        return self.issue("other.example.test", "--webroot", str(self.host.webroot))

    @property
    def limits(self) -> Path:
        (file,) = self.host.state.glob("accounts/*/limits.json")
        return file


@contextmanager
def behind(ca: Ca, folder: Path, certcheck: Certcheck) -> Iterator[Site]:
    folder.mkdir()
    trust = pki.authority()
    (folder / "proxy.pem").write_bytes(trust.issue(pki.Shape(names=("localhost",))).key_first)
    (folder / "proxy-ca.pem").write_bytes(trust.root.certificate)
    assert ca.authority.ca_file is not None
    port = urlsplit(ca.authority.directory).port or 0
    with ca_proxy(port=port, ca_file=ca.authority.ca_file, identity=folder / "proxy.pem") as proxy:
        host = control(folder / "host", ca, certcheck)
        text = host.config.read_text().replace(ca.authority.directory, proxy.directory)
        host.config.write_text(
            text.replace(str(ca.authority.ca_file), str(folder / "proxy-ca.pem"))
        )
        yield Site(host, proxy)


@pytest.fixture
def site(new_pebble: PebbleMaker, certcheck: Certcheck, tmp_path: Path) -> Iterator[Site]:
    with behind(new_pebble(), tmp_path / "site", certcheck) as made:
        yield made
