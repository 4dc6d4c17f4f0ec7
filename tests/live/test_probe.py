import asyncio
import json
import smtplib
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certcheck import x509
from certcheck.lab import Lab
from certcheck.model.action import Cell, Expectation
from certcheck.model.endpoint import Endpoint
from certcheck.model.observation import Observation
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.observe import Depth, observed
from certcheck.probe.proof import proof
from certcheck.targets import endpoint
from tests.lab.asking import until
from tests.live.hosting import reconfigure

LIMITS = Limits(timeout=15.0)
NOW = datetime(2026, 3, 28, tzinfo=UTC)
STARTTLS = {"imap": "imap", "pop3": "pop3", "smtp": "smtp", "sieve": "sieve"}


def endpoints(lab: Lab) -> list[Endpoint]:
    return [endpoint(url) for url in lab.host.endpoints]


def seen_at(lab: Lab, *targets: Endpoint, depth: Depth = "quick") -> list[Observation]:
    gate = Gate(LIMITS)

    async def all_of_them() -> list[Observation]:
        asked = [
            observed(
                target,
                lab.host.addresses[0],
                number=number,
                depth=depth,
                gate=gate,
                limits=LIMITS,
                at=NOW,
            )
            for number, target in enumerate(targets)
        ]
        return list(await asyncio.gather(*asked))

    return asyncio.run(all_of_them())


def shown_by_openssl(lab: Lab, target: Endpoint) -> str:
    """The SHA-256 of the leaf, by the openssl program."""
    argv = ["openssl", "s_client", "-connect", f"{lab.host.addresses[0]}:{target.port}"]
    argv += ["-servername", target.host.ascii]
    if target.tls_mode == "starttls":
        argv += ["-starttls", STARTTLS[target.protocol]]
    done = subprocess.run(argv, input=b"", capture_output=True, timeout=30, check=True)
    return x509.chain(done.stdout, where="openssl's output")[0].sha256


def by_scheme(lab: Lab, scheme: str) -> Endpoint:
    return next(each for each in endpoints(lab) if each.scheme == scheme)


def test_every_port_shows_what_openssl_shows(lab: Lab) -> None:
    targets = endpoints(lab)

    seen = seen_at(lab, *targets)

    assert [(each.outcome, each.detail, each.doubts) for each in seen] == [("seen", "", ())] * 8
    for target, observation in zip(targets, seen, strict=True):
        named = [each for each in observation.deployments if each.server_name]
        assert shown_by_openssl(lab, target) in {each.leaf.sha256 for each in named}


def test_dovecot_forbids_login_before_tls(lab: Lab) -> None:
    (seen,) = seen_at(lab, by_scheme(lab, "imap"))

    words = seen.capabilities
    assert "LOGINDISABLED" in words.before_tls
    assert words.auth_before_tls == ()
    assert "PLAIN" in words.auth_after_tls


@pytest.mark.parametrize("scheme", ["pop3", "pop3s", "sieve", "submission", "submissions"])
def test_passwords_are_taken_inside_tls_only(lab: Lab, scheme: str) -> None:
    (seen,) = seen_at(lab, by_scheme(lab, scheme))

    assert "PLAIN" not in seen.capabilities.auth_before_tls
    assert "PLAIN" in seen.capabilities.auth_after_tls


def test_another_protocol_on_the_port_is_told(lab: Lab) -> None:
    smtp, imap = by_scheme(lab, "smtp"), by_scheme(lab, "imap")
    wrong = [endpoint(f"imap://mail.example.test:{smtp.port}")]
    wrong += [endpoint(f"smtp://mail.example.test:{imap.port}")]
    wrong += [endpoint(f"imaps://mail.example.test:{imap.port}")]

    seen = seen_at(lab, *wrong)

    assert [each.reason for each in seen] == [
        "wrong_protocol",
        "wrong_protocol",
        "plain_on_tls_port",
    ]


def test_no_check_of_helo_names_turns_us_away(fresh_lab: Lab) -> None:
    main = fresh_lab.path / "postfix" / "main.cf"
    strict = ["invalid_helo_hostname", "non_fqdn_helo_hostname", "unknown_helo_hostname"]
    rules = ", ".join(f"reject_{each}" for each in strict)
    reconfigure(
        main,
        f"{main.read_text()}smtpd_delay_reject = no\nsmtpd_helo_restrictions = {rules}\n",
    )
    smtp = by_scheme(fresh_lab, "smtp")
    until(lambda: refuses_a_name(smtp.port))

    (seen,) = seen_at(fresh_lab, smtp)

    assert (seen.outcome, seen.detail, seen.doubts) == ("seen", "", ())


def refuses_a_name(port: int) -> bool:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as session:
        code, words = session.ehlo("mail")
    return code == 504 and b"Helo command rejected" in words


def test_every_cell_is_proved(lab: Lab) -> None:
    targets = endpoints(lab)
    leaf = {target: shown_by_openssl(lab, target) for target in targets}
    wishes = [
        Expectation(
            cell=Cell(endpoint=target, address=lab.host.addresses[0], server_name=name),
            sha256=frozenset({leaf[target]}),
        )
        for target in targets
        for name in (target.host.ascii, None)
    ]

    result = asyncio.run(proof(wishes, gate=Gate(LIMITS), limits=LIMITS))

    assert result.complaints == ()
    assert result.holds


@pytest.mark.parametrize("scheme", ["imaps", "submissions"])
def test_suites_are_those_of_sslyze_itself(lab: Lab, scheme: str, tmp_path: Path) -> None:
    target = by_scheme(lab, scheme)
    report = tmp_path / "sslyze.json"
    subprocess.run(
        [
            Path(sys.executable).with_name("sslyze"),
            f"--json_out={report}",
            *("--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3"),
            f"--sni={target.host.ascii}",
            f"127.0.0.1:{target.port}",
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    scan = json.loads(report.read_text("utf-8"))["server_scan_results"][0]["scan_result"]
    names = {
        "SSLv2": "ssl_2_0",
        "SSLv3": "ssl_3_0",
        "TLSv1.0": "tls_1_0",
        "TLSv1.1": "tls_1_1",
        "TLSv1.2": "tls_1_2",
        "TLSv1.3": "tls_1_3",
    }
    accepted = {
        version: {
            each["cipher_suite"]["name"]
            for each in scan[f"{name}_cipher_suites"]["result"]["accepted_cipher_suites"]
        }
        for version, name in names.items()
    }

    (seen,) = seen_at(lab, target, depth="standard")

    assert seen.doubts == ()
    assert {v: set(s) for v, s in seen.cipher_suites.items()} == {
        version: suites for version, suites in accepted.items() if suites
    }
    assert set(seen.protocols) == set(seen.cipher_suites)


def test_all_ports_can_be_scanned_at_once(lab: Lab) -> None:
    seen = seen_at(lab, *endpoints(lab), depth="standard")

    assert [each.doubts for each in seen] == [()] * 8
    assert all(each.cipher_suites for each in seen)
