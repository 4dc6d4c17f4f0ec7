from contextlib import AbstractContextManager
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from certcheck import x509
from certcheck.errors import CaError
from certcheck.issue.http01 import Listener, Webroot
from certcheck.issue.solver import Challenge
from certcheck.lab import Lab
from certcheck.lab.ports import LOOPBACK
from certcheck.names import hostname
from tests.live.pebbles import NAMES, Ca, PebbleMaker, ca, new_pebble, order, serving, web_server

__all__ = ["ca", "new_pebble"]  # fixtures


@pytest.mark.parametrize(("key_kind", "title"), [("ecdsa", "ECDSA P-256"), ("rsa2048", "RSA 2048")])
def test_the_listener_gets_a_certificate_that_the_ca_root_vouches_for(
    ca: Ca, lab: Lab, tmp_path: Path, key_kind: x509.KeyKind, title: str
) -> None:
    told: list[str] = []

    got = order(ca, tmp_path, key_kind=key_kind, told=told)

    leaf, *upper = got.chain
    assert leaf.names == tuple(name.ascii for name in NAMES)
    assert leaf.key == title
    assert leaf.spki_sha256 == x509.key_spki_sha256(got.key_pem, where="key")
    assert not any(each.self_signed for each in got.chain)
    (root,) = x509.chain(lab.acme_root.read_bytes(), where="root")
    assert x509.issued_by(upper[-1].der, root.der)
    assert got.order_url.startswith("https://localhost:")
    assert got.order.head.directory == ca.authority.directory
    assert "authorizing imap.example.test" in told
    assert told[-1].startswith("certificate received")


def test_a_webroot_gets_a_certificate_and_is_left_as_it_was(ca: Ca, tmp_path: Path) -> None:
    (webroot := tmp_path / "www").mkdir()

    with web_server(ca.http01_port, webroot):
        got = order(ca, tmp_path, solver=Webroot(webroot))

    assert got.chain[0].names == tuple(name.ascii for name in NAMES)
    assert list(webroot.iterdir()) == []


def test_an_ip_address_is_a_name_like_others(ca: Ca, tmp_path: Path) -> None:
    got = order(ca, tmp_path, names=(NAMES[0], hostname("127.0.0.1")))

    assert got.chain[0].names == ("mail.example.test", "127.0.0.1")


@pytest.mark.parametrize("percent", ["5", "30"])
def test_rejected_nonces_never_fail_an_order(
    new_pebble: PebbleMaker, tmp_path: Path, percent: str
) -> None:
    ca = new_pebble(PEBBLE_WFE_NONCEREJECT=percent)

    got = [order(ca, tmp_path, names=NAMES[:1]) for _ in range(10)]

    assert len({each.chain[0].sha256 for each in got}) == 10


def test_names_that_are_authorized_already_need_no_challenge(
    new_pebble: PebbleMaker, tmp_path: Path
) -> None:
    ca = new_pebble(PEBBLE_AUTHZREUSE="100")
    order(ca, tmp_path)
    told: list[str] = []

    order(ca, tmp_path, solver=NeverAsked(), told=told)

    assert "imap.example.test is authorized already" in told


class NeverAsked:
    kind = "http-01"
    place = ""

    def presented(self, challenge: Challenge) -> AbstractContextManager[None]:
        pytest.fail(f"{challenge.name} was presented")

    def take_down(self, challenge: Challenge) -> None:
        pytest.fail(f"{challenge.name} was taken down")


def test_a_slow_authority_is_waited_for(new_pebble: PebbleMaker, tmp_path: Path) -> None:
    ca = new_pebble(PEBBLE_VA_NOSLEEP="0", PEBBLE_VA_SLEEPTIME="3")

    assert order(ca, tmp_path, names=NAMES[:1]).chain


def test_an_order_ends_at_its_deadline(new_pebble: PebbleMaker, tmp_path: Path) -> None:
    ca = new_pebble(PEBBLE_VA_NOSLEEP="0", PEBBLE_VA_SLEEPTIME="15")
    listener = Listener(ca.http01_port)

    with pytest.raises(CaError, match="did not finish within 2 s"):
        order(ca, tmp_path, names=NAMES[:1], deadline=2, solver=listener)

    with serving(ThreadingHTTPServer((LOOPBACK, ca.http01_port), SimpleHTTPRequestHandler)):
        pass  # the port is free again


def test_a_longer_chain_and_alternate_roots_are_checked(
    new_pebble: PebbleMaker, tmp_path: Path
) -> None:
    ca = new_pebble(PEBBLE_CHAIN_LENGTH="3", PEBBLE_ALTERNATE_ROOTS="2")

    got = order(ca, tmp_path, names=NAMES[:1])

    assert len(got.chain) == 4


def test_the_preferred_chain_is_taken(new_pebble: PebbleMaker, tmp_path: Path) -> None:
    ca = new_pebble(PEBBLE_ALTERNATE_ROOTS="2")
    (wanted,) = x509.chain(ca.root(2), where="root")
    preferring = replace(
        ca,
        authority=replace(ca.authority, preferred_chain=wanted.subject.removeprefix("CN=")),
    )

    got = order(preferring, tmp_path, names=NAMES[:1])

    assert x509.issued_by(got.chain[-1].der, wanted.der)


def test_a_preferred_chain_that_is_not_there_is_a_warning_with_the_list(
    new_pebble: PebbleMaker, tmp_path: Path
) -> None:
    ca = new_pebble(PEBBLE_ALTERNATE_ROOTS="1")
    roots = [x509.chain(ca.root(n), where="root")[0].subject.removeprefix("CN=") for n in (0, 1)]
    told: list[str] = []

    order(
        replace(ca, authority=replace(ca.authority, preferred_chain="No Such Root")),
        tmp_path,
        names=NAMES[:1],
        told=told,
    )

    (warning,) = [line for line in told if line.startswith("warning")]
    assert all(root in warning for root in roots)


def test_ctrl_c_takes_the_challenges_down(ca: Ca, tmp_path: Path) -> None:
    (webroot := tmp_path / "www").mkdir()

    seen: list[int] = []

    def interrupted(line: str) -> None:
        if line.startswith("authorizing"):
            seen.append(sum(each.is_file() for each in webroot.rglob("*")))
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        order(ca, tmp_path, solver=Webroot(webroot), progress=interrupted)

    assert seen == [0, 1, 2]
    assert list(webroot.iterdir()) == []
