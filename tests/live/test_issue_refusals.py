import json
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from certcheck.errors import CaError
from certcheck.issue.http01 import Webroot
from certcheck.lab import Lab
from certcheck.names import hostname
from tests.live.pebbles import NAMES, Ca, ca, order, web_server

__all__ = ["ca"]  # a fixture


def test_a_refused_name_is_one_clear_line(ca: Ca, tmp_path: Path) -> None:
    names = (*NAMES, hostname("blocked.example.test"))

    with pytest.raises(CaError, match=r"refuses.*blocked\.example\.test.*rejectedIdentifier") as e:
        order(ca, tmp_path, names=names)

    assert "\n" not in e.value.message
    assert e.value.hint == "this authority does not issue for this name"


def test_a_challenge_that_nobody_serves_names_every_name(ca: Ca, tmp_path: Path) -> None:
    (webroot := tmp_path / "www").mkdir()

    with pytest.raises(CaError, match="does not authorize") as e:
        order(ca, tmp_path, solver=Webroot(webroot))  # without a web server

    assert all(name.ascii in e.value.message for name in NAMES)
    assert "(connection)" in e.value.message
    assert list(webroot.iterdir()) == []


def test_another_servers_answer_does_not_authorize(ca: Ca, tmp_path: Path) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (webroot := tmp_path / "www").mkdir()

    with (
        web_server(ca.http01_port, elsewhere),
        pytest.raises(CaError, match=r"404 .*\(unauthorized\)") as e,
    ):
        order(ca, tmp_path, solver=Webroot(webroot), names=NAMES[:1])

    assert "another host" in e.value.hint


def test_a_wildcard_has_no_http01_challenge(ca: Ca, tmp_path: Path) -> None:
    star = hostname("*.example.test", wildcard=True)

    with pytest.raises(CaError, match=r"no http-01 challenge for \*\.example\.test") as e:
        order(ca, tmp_path, names=(star,))

    assert e.value.hint == "it offers dns-01"


def test_a_name_that_resolves_nowhere_is_the_cas_word(ca: Ca, lab: Lab, tmp_path: Path) -> None:
    name = "nowhere.example.test"
    body = json.dumps({"host": f"{name}."}).encode()
    tell(f"{lab.challtestsrv}/set-servfail", body)

    with pytest.raises(CaError, match=rf"{name}: .*could not resolve") as e:
        order(ca, tmp_path, names=(hostname(name),))

    assert "at each of its addresses" in e.value.hint


def tell(url: str, body: bytes) -> None:
    assert requests.post(url, data=body, timeout=5).ok


def test_a_ca_that_this_host_does_not_trust_is_told_with_ca_file(ca: Ca, tmp_path: Path) -> None:
    public = replace(ca, authority=replace(ca.authority, ca_file=None))

    with pytest.raises(CaError, match="is not trusted") as e:
        order(public, tmp_path)

    assert "ca_file" in e.value.hint


def test_a_certificate_for_another_host_is_not_trusted(ca: Ca, tmp_path: Path) -> None:
    other = ca.authority.directory.replace("localhost", "127.0.0.2")

    with pytest.raises(CaError, match=r"not trusted: .*127\.0\.0\.2|cannot be reached"):
        order(replace(ca, authority=replace(ca.authority, directory=other)), tmp_path)
