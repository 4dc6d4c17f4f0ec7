"""What certbot is told, what is made of its words, and what its arguments must not say."""

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from certcheck.errors import CaError, CertcheckError, InputError, Obstacle
from certcheck.host.local import LocalHost
from certcheck.issue.authority import Authority
from certcheck.issue.certbot import Certbot, ordered, usable
from certcheck.names import hostname

AUTHORITY = Authority(directory="https://ca.example/dir")
CERTBOT = Certbot(host=LocalHost())
NAMES = (hostname("mail.example.test"), hostname("192.0.2.7"))
SHOWN = """
case $1 in certificates) echo "    Certificate Path: /etc/le/live/mail/fullchain.pem"; esac
"""

Scripted = Callable[[str], Path]


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Puts a certbot on the PATH that notes each call, with its stdin, and then runs a script."""

    def make(script: str) -> Path:
        calls, program = tmp_path / "calls", tmp_path / "bin" / "certbot"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\n{{ echo "$*"; env | grep REQUESTS; cat; }} >>"{calls}"\n{script}\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        return calls

    return make


def order(certbot: Certbot = CERTBOT, authority: Authority = AUTHORITY, key: str = "ecdsa") -> Path:
    return ordered(
        certbot,
        lineage="mail",
        names=NAMES,
        key=key,
        authority=authority,
        progress=lambda _: None,
    )


def refused(script: Scripted, words: str, certbot: Certbot = CERTBOT) -> CertcheckError:
    script(words)
    with pytest.raises(Obstacle) as caught:
        order(certbot)
    assert "\n" not in caught.value.message
    assert "\x1b" not in caught.value.message
    return caught.value


def test_the_order_names_all_that_certbot_would_ask_for(scripted: Scripted) -> None:
    calls = scripted(SHOWN)

    live = order(replace(CERTBOT, http_port=8080, arguments=("--config-dir", "/le")))

    assert live == Path("/etc/le/live/mail")
    certonly, certificates = calls.read_text().splitlines()
    assert certonly == (
        "certonly --non-interactive --agree-tos --cert-name mail "
        "--keep-until-expiring --renew-with-new-domains "
        "--key-type ecdsa --elliptic-curve secp256r1 "
        "-d mail.example.test --ip-address 192.0.2.7 "
        "--server https://ca.example/dir --register-unsafely-without-email "
        "--standalone --http-01-port 8080 --config-dir /le"
    )
    assert certificates == "certificates --cert-name mail --config-dir /le"


def test_who_we_are_to_the_authority_is_told_and_its_key_on_stdin_only(
    scripted: Scripted, tmp_path: Path, ca_file: Path
) -> None:
    calls = scripted(SHOWN)
    authority = Authority(
        directory="https://ca.example/dir",
        ca_file=ca_file,
        email="postmaster@example.test",
        eab_kid="kid-1",
        eab_key="c2VjcmV0LWtleQ",
        preferred_chain="Root X2",
    )

    order(replace(CERTBOT, webroot=tmp_path), authority, key="rsa3072")

    certonly, trust, stdin = calls.read_text().splitlines()[:3]
    assert "--key-type rsa --rsa-key-size 3072" in certonly
    assert "--email postmaster@example.test --preferred-chain Root X2" in certonly
    assert "--eab-kid kid-1 -c /dev/stdin" in certonly
    assert f"--webroot -w {tmp_path}" in certonly
    assert trust == f"REQUESTS_CA_BUNDLE={ca_file}"
    assert stdin == "eab-hmac-key = c2VjcmV0LWtleQ"
    assert "c2VjcmV0LWtleQ" not in certonly


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    from certcheck.lab import pki

    file = tmp_path / "ca.pem"
    file.write_bytes(pki.authority().root.certificate)
    return file


@pytest.mark.parametrize(
    "arguments",
    [
        ("--authenticator", "dns-rfc2136"),
        ("--authenticator=dns-rfc2136",),
        ("--auth", "manual"),
        ("-a", "manual"),
        ("--dns-rfc2136", "--dns-rfc2136-credentials", "/file"),
        ("--nginx",),
    ],
)
def test_arguments_can_choose_the_authenticator(
    scripted: Scripted, arguments: tuple[str, ...]
) -> None:
    calls = scripted(SHOWN)

    order(replace(CERTBOT, arguments=arguments))

    assert "--standalone" not in calls.read_text()
    wildcard = (hostname("*.a.test", wildcard=True),)
    usable(replace(CERTBOT, arguments=arguments), names=wildcard, key="ecdsa")


@pytest.mark.parametrize("arguments", [("--webroot-path", "/w"), ("--deploy-hook", "x")])
def test_other_arguments_do_not_choose_it(arguments: tuple[str, ...]) -> None:
    assert not replace(CERTBOT, arguments=arguments).authenticates


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-d", "a.test"), "-d is not given there"),
        (("-da.test",), "-d is not given there"),
        (("--domain=a.test",), "--domains is not given there"),
        (("--cert-name", "x"), "--cert-name is not given there"),
        (("--server", "https://x"), "--server is not given there"),
        (("--dry-run",), "--dry-run is not given there"),
        (("--staging",), "--staging is not given there"),
    ],
)
def test_what_certcheck_tells_itself_is_not_told_twice(
    arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(InputError) as caught:
        usable(replace(CERTBOT, arguments=arguments), names=NAMES, key="ecdsa")

    assert words in caught.value.message


def test_two_ways_to_prove_names_are_refused(tmp_path: Path) -> None:
    both = replace(CERTBOT, webroot=tmp_path, arguments=("--standalone",))

    with pytest.raises(InputError, match="both choose a proof"):
        usable(both, names=NAMES, key="ecdsa")


def test_a_web_root_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no directory"):
        usable(replace(CERTBOT, webroot=tmp_path / "gone"), names=NAMES, key="ecdsa")


def test_a_wildcard_needs_an_authenticator_that_can_prove_it() -> None:
    with pytest.raises(InputError, match="cannot be proved by http-01"):
        usable(CERTBOT, names=(hostname("*.a.test", wildcard=True),), key="ecdsa")


def test_a_lineage_has_one_key() -> None:
    with pytest.raises(InputError, match="has one key, not 'both'"):
        usable(CERTBOT, names=NAMES, key="both")


def test_certbots_last_words_are_told_without_colour_and_noise(scripted: Scripted) -> None:
    error = refused(
        scripted,
        """
        echo "Requesting a certificate for mail.example.test"
        echo "  Identifier: mail.example.test"; echo "  Type:   dns"; echo; echo "Hint: no"
        printf 'Saving debug log to /var/log/le.log\\n\\033[31mSome challenges have failed.\\n' >&2
        printf 'no such zone\\033[0m\\nAsk for help or search for solutions\\n' >&2
        exit 1
        """,
    )

    assert isinstance(error, CaError)
    assert error.message == (
        "certbot fails at mail: Identifier: mail.example.test / Type: dns / no such zone"
    )
    assert error.hint == "its log is /var/log/le.log"


def test_an_argument_that_certbot_does_not_know_is_told_without_its_usage(
    scripted: Scripted,
) -> None:
    error = refused(
        scripted, 'echo "usage: certbot"; echo "certbot: error: unrecognized: --x" >&2; exit 2'
    )

    assert error.message == "certbot fails at mail: unrecognized: --x"


def test_a_certbot_that_dies_without_a_word_is_told(scripted: Scripted) -> None:
    assert "exit code 7, and no word why" in refused(scripted, "exit 7").message


def test_another_certbot_that_runs_is_told(scripted: Scripted) -> None:
    error = refused(scripted, "echo Another instance of Certbot is already running. >&2; exit 1")

    assert "another certbot is running" in error.message


def test_a_lineage_that_certbot_does_not_show_is_an_obstacle(scripted: Scripted) -> None:
    assert "shows no lineage mail" in refused(scripted, "true").message


def test_a_certbot_that_hangs_is_stopped_at_its_deadline(
    scripted: Scripted, tmp_path: Path
) -> None:
    tidy = f'trap "touch {tmp_path}/tidied; exit 1" TERM; while :; do sleep 0.05; done'
    started = time.monotonic()

    error = refused(scripted, tidy, replace(CERTBOT, deadline=1.0))

    assert "did not end within 1 s" in error.message
    assert (tmp_path / "tidied").exists()
    assert time.monotonic() - started < 10


def test_an_endless_word_is_cut(scripted: Scripted) -> None:
    assert len(refused(scripted, "yes certbot | head -c 6000000; exit 1").message) < 2100


def test_without_a_certbot_on_the_path_the_one_beside_python_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    home = [f"--{name}-dir={tmp_path / name}" for name in ("config", "work", "logs")]
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(CaError) as caught:  # nobody listens there
        order(
            replace(CERTBOT, arguments=tuple(home)), Authority(directory="https://127.0.0.1:9/dir")
        )

    assert "Connection refused" in caught.value.message
    assert str(tmp_path / "logs" / "letsencrypt.log") in caught.value.hint
    assert signal.getsignal(signal.SIGTERM) == before
