import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from certcheck import x509
from certcheck.errors import CaError
from certcheck.issue.account import account_home
from certcheck.issue.http01 import Listener, Webroot
from certcheck.issue.order import Authority, Issued, issued
from certcheck.issue.solver import Challenge
from certcheck.lab import Lab, pebble, pki
from certcheck.lab.daemons import Daemon, held
from certcheck.lab.ports import LOOPBACK, reserved
from certcheck.lab.premises import program
from certcheck.names import hostname

NAMES = tuple(map(hostname, ("mail.example.test", "imap.example.test", "smtp.example.test")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ca:
    authority: Authority
    http01_port: int
    management: str

    def root(self, number: int = 0) -> bytes:
        assert self.authority.ca_file is not None
        return pebble.fetched(f"{self.management}/roots/{number}", ca_file=self.authority.ca_file)


PebbleMaker = Callable[..., Ca]


@contextmanager
def running_pebble(
    folder: Path, *, env: Mapping[str, str], config: Mapping[str, Any]
) -> Iterator[Ca]:
    """A Pebble of one's own, with its own DNS, where the lab's has other settings."""
    https = pki.authority()
    leaf = https.issue(pki.Shape(names=("localhost",)))
    for name, content in (
        ("ca.pem", https.root.certificate),
        ("cert.pem", leaf.chain),
        ("key.pem", leaf.key),
    ):
        (folder / name).write_bytes(content)
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
        daemons.start(
            Daemon(
                name="pebble-challtestsrv",
                argv=(
                    program("pebble-challtestsrv"),
                    *("-management", f"{LOOPBACK}:{challenges}", "-dns01", f"{LOOPBACK}:{dns}"),
                    *("-defaultIPv4", LOOPBACK, "-defaultIPv6", ""),
                    *("-http01", "", "-https01", "", "-tlsalpn01", ""),
                ),
                output=folder / "challtestsrv.log",
            )
        )
        usual = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "0"}
        daemons.start(
            Daemon(
                name="pebble",
                argv=(
                    program("pebble"),
                    *("-config", str(folder / "pebble.json"), "-dnsserver", f"{LOOPBACK}:{dns}"),
                ),
                output=folder / "pebble.log",
                env=usual | dict(env),
            )
        )
        ca = Ca(
            authority=Authority(
                directory=f"https://localhost:{acme}/dir", ca_file=folder / "ca.pem"
            ),
            http01_port=http01,
            management=f"https://localhost:{management}",
        )
        wait_for(ca)
        yield ca


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
    usual: dict[str, Any] = {
        "names": NAMES,
        "key_pem": x509.new_key(kind),
        "key_kind": kind,
        "solver": Listener(ca.http01_port),
        "deadline": 60,
        "progress": told.append,
    }
    given = usual | changes
    return issued(given.pop("names"), authority=ca.authority, state=state, **given)


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
    assert got.directory == ca.authority.directory
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


def test_a_second_order_uses_the_same_account(ca: Ca, tmp_path: Path) -> None:
    told: list[str] = []
    order(ca, tmp_path, told=told)
    kept = account_home(tmp_path, ca.authority.directory) / "account.json"
    first = json.loads(kept.read_text())

    order(ca, tmp_path, told=told)

    assert json.loads(kept.read_text()) == first
    assert sum(line.startswith("creating an account") for line in told) == 1


def test_an_account_whose_json_was_lost_is_found_by_its_key(ca: Ca, tmp_path: Path) -> None:
    order(ca, tmp_path)
    kept = account_home(tmp_path, ca.authority.directory) / "account.json"
    first = kept.read_text()
    kept.unlink()

    order(ca, tmp_path)

    assert kept.read_text() == first


def test_a_changed_email_is_told_to_the_ca(ca: Ca, tmp_path: Path) -> None:
    order(ca, tmp_path)
    named = replace(ca, authority=replace(ca.authority, email="admin@example.test"))

    order(named, tmp_path)

    kept = account_home(tmp_path, ca.authority.directory) / "account.json"
    assert json.loads(kept.read_text())["contact"] == ["mailto:admin@example.test"]


def test_a_ca_that_forgot_the_account_gets_it_anew_with_the_same_key(
    ca: Ca, new_pebble: PebbleMaker, tmp_path: Path
) -> None:
    order(ca, tmp_path)
    home = account_home(tmp_path, ca.authority.directory)
    forgetful = new_pebble()
    other = account_home(tmp_path, forgetful.authority.directory)
    home.rename(other)
    key = (other / "key.pem").read_bytes()
    told: list[str] = []

    got = order(forgetful, tmp_path, told=told)

    assert got.chain
    assert (other / "key.pem").read_bytes() == key
    assert json.loads((other / "account.json").read_text())["uri"].startswith(
        forgetful.authority.directory.removesuffix("dir")
    )
    assert told[0].startswith("creating an account")


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

    def presented(self, challenge: Challenge) -> AbstractContextManager[None]:
        pytest.fail(f"{challenge.name} was presented")


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


def test_external_account_binding_opens_the_account(
    new_pebble: PebbleMaker, tmp_path: Path
) -> None:
    hmac = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    ca = new_pebble(
        config={
            "externalAccountBindingRequired": True,
            "externalAccountMACKeys": {"kid-1": hmac},
        }
    )

    def bound(kid: str) -> Ca:
        return replace(ca, authority=replace(ca.authority, eab_kid=kid, eab_key=hmac))

    with pytest.raises(CaError, match="externalAccountRequired") as missing:
        order(ca, tmp_path, names=NAMES[:1])
    with pytest.raises(CaError, match="kid") as unknown:
        order(bound("kid-2"), tmp_path, names=NAMES[:1])
    got = order(bound("kid-1"), tmp_path, names=NAMES[:1])

    assert missing.value.hint == "set eab_kid and eab_key_file in [acme]"
    assert hmac not in str(unknown.value)
    assert got.chain


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


def test_a_ca_that_this_host_does_not_trust_is_told_with_ca_file(ca: Ca, tmp_path: Path) -> None:
    public = replace(ca, authority=replace(ca.authority, ca_file=None))

    with pytest.raises(CaError, match="is not trusted") as e:
        order(public, tmp_path)

    assert "ca_file" in e.value.hint


def test_a_certificate_for_another_host_is_not_trusted(ca: Ca, tmp_path: Path) -> None:
    other = ca.authority.directory.replace("localhost", "127.0.0.2")

    with pytest.raises(CaError, match=r"not trusted: .*127\.0\.0\.2|cannot be reached"):
        order(replace(ca, authority=replace(ca.authority, directory=other)), tmp_path)


def test_no_piece_of_a_key_is_told(ca: Ca, tmp_path: Path) -> None:
    told: list[str] = []

    got = order(ca, tmp_path, told=told)

    account = (account_home(tmp_path, ca.authority.directory) / "key.pem").read_text()
    secrets = [*account.splitlines()[1:-1], *got.key_pem.decode().splitlines()[1:-1]]
    shown = "\n".join([*told, repr(got), repr(ca)])
    assert not any(secret in shown for secret in secrets)
