"""The prober on every kind of real mail server, against referees that share no code with it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from certcheck import x509
from certcheck.lab import Lab, pki
from certcheck.model.endpoint import Endpoint, Scheme
from certcheck.targets import endpoint
from tests.live import plain_session, referee, scanner
from tests.live.neighbours.courier import a_courier
from tests.live.neighbours.cyrus import a_cyrus
from tests.live.neighbours.exim import an_exim
from tests.live.neighbours.haproxy import an_haproxy
from tests.live.neighbours.unpacked import MailServer
from tests.live.probing import ADDRESS, seen_at

CA = pki.authority()
ECDSA = CA.issue(pki.Shape(names=("*.example.test",)))
RSA = CA.issue(pki.Shape(names=("*.example.test",), key="rsa2048"))
# The openssl program's words for a client that takes certificates with such a key only.
ONLY = {
    "ecdsa": ("-tls1_2", "-cipher", "aECDSA"),
    "rsa": ("-tls1_2", "-cipher", "aRSA"),
}
PORTS = {
    "lab": "imap imaps pop3 pop3s sieve smtp submission submissions",
    "exim": "smtp submission submissions",
    "cyrus": "imap imaps pop3 pop3s sieve lmtp",
    "courier": "imap imaps pop3 pop3s",
    "haproxy": "imaps submissions",
}


@pytest.fixture(scope="session")
def exim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with an_exim(tmp_path_factory.mktemp("exim"), ECDSA, RSA) as running:
        yield running


@pytest.fixture(scope="session")
def cyrus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with a_cyrus(tmp_path_factory.mktemp("cyrus"), ECDSA) as running:
        yield running


@pytest.fixture(scope="session")
def courier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with a_courier(tmp_path_factory.mktemp("courier"), RSA) as running:
        yield running


@pytest.fixture(scope="session")
def haproxy(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    behind: dict[Scheme, int] = {"imaps": lab.ports.imap, "submissions": lab.ports.submission}
    with an_haproxy(tmp_path_factory.mktemp("haproxy"), ECDSA, RSA, behind=behind) as running:
        yield running


@pytest.fixture
def service(request: pytest.FixtureRequest, server: str, scheme: Scheme) -> Endpoint:
    running: Lab | MailServer = request.getfixturevalue(server)
    if isinstance(running, MailServer):
        return running.at(scheme)
    return next(e for e in map(endpoint, running.host.endpoints) if e.scheme == scheme)


every_port = pytest.mark.parametrize(
    ("server", "scheme"),
    [(server, scheme) for server, schemes in PORTS.items() for scheme in schemes.split()],
)


@every_port
def test_certificates_are_those_that_openssl_shows(service: Endpoint) -> None:
    (seen,) = seen_at(service)

    assert (seen.outcome, seen.detail, seen.doubts) == ("seen", "", ())
    for name, words in ((service.host.ascii, ()), (None, ("-noservername",))):
        shown = {key: referee.chain(service, ADDRESS, *how, *words) for key, how in ONLY.items()}
        assert {
            each.key_type: tuple(certificate.sha256 for certificate in each.chain)
            for each in seen.deployments
            if each.server_name == name
        } == {key: chain for key, chain in shown.items() if chain}


@pytest.mark.parametrize(
    ("server", "scheme"), [("exim", "smtp"), ("exim", "submissions"), ("haproxy", "imaps")]
)
def test_both_certificates_of_a_server_are_seen(service: Endpoint) -> None:
    (seen,) = seen_at(service)

    leaves = {x509.chain(each.chain, where="the server's")[0].sha256 for each in (ECDSA, RSA)}
    named = [each for each in seen.deployments if each.server_name]
    assert {each.leaf.sha256 for each in named} == leaves


@every_port
def test_a_server_says_of_itself_what_it_says_to_others(service: Endpoint) -> None:
    (seen,) = seen_at(service)

    heard, said = plain_session.heard(service), seen.capabilities
    assert still(said.greeting.removesuffix("...")) in still(heard.greeting)
    assert words(said.before_tls) == words(heard.before)
    assert words(said.after_tls) == words(heard.inside)
    assert set(said.auth_before_tls) == heard.auth_before
    assert set(said.auth_after_tls) == heard.auth_inside
    assert said.size == heard.size


def words(said: tuple[str, ...] | plain_session.Words) -> set[str]:
    return {still(word.upper()) for word in said}


def still(said: str) -> str:
    """The text without the numbers of a session: times, and tokens for APOP and for logs."""
    return re.sub(r"\d+", "0", said)


@pytest.mark.parametrize(
    ("server", "scheme"),
    [
        ("lab", "imaps"),
        ("lab", "imap"),
        ("lab", "submissions"),
        ("lab", "smtp"),
        ("exim", "smtp"),
        ("cyrus", "pop3s"),
        ("courier", "imap"),
        ("haproxy", "submissions"),
    ],
)
def test_suites_are_those_of_sslyze_itself(service: Endpoint, server: str, tmp_path: Path) -> None:
    accepted = scanner.suites(service, ADDRESS, tmp_path / "sslyze.json")

    (seen,) = seen_at(service, depth="full")

    assert (seen.doubts, seen.disagreements) == ((), ())
    # Courier's GnuTLS takes DHE only from who offers its groups (RFC 7919), as sslyze does not.
    with_groups = "TLS_DHE_" if server == "courier" else "nothing"
    assert {
        version: {name for name in names if not name.startswith(with_groups)}
        for version, names in seen.cipher_suites.items()
    } == accepted
    assert set(seen.protocols) == set(accepted)
    assert seen.groups


def test_an_exim_that_takes_20_clients_at_a_time_is_scanned_slowly(tmp_path: Path) -> None:
    only_one_version = "NORMAL:-VERS-ALL:+VERS-TLS1.2"  # the fewer, the fewer are refused
    with an_exim(tmp_path, ECDSA, most=20, priorities=only_one_version) as usual:
        (seen,) = seen_at(usual.at("submissions"), depth="standard")
        log = (tmp_path / "mainlog").read_text()

    assert "refused: too many connections" in log
    assert seen.doubts == ()
    assert len(seen.cipher_suites["TLSv1.2"]) == 7
