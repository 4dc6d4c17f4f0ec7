import asyncio
import smtplib

import pytest

from certcheck.lab import Lab
from certcheck.model.action import Cell, Expectation
from certcheck.model.endpoint import Endpoint
from certcheck.probe.budget import BUDGETS
from certcheck.probe.limits import Gate
from certcheck.probe.proof import proof
from certcheck.targets import endpoint
from tests.lab.asking import until
from tests.live.hosting import reconfigure
from tests.live.probing import ADDRESS, LIMITS, seen_at
from tests.live.referee import shown


def endpoints(lab: Lab) -> list[Endpoint]:
    return [endpoint(url) for url in lab.host.endpoints]


def by_scheme(lab: Lab, scheme: str) -> Endpoint:
    return next(each for each in endpoints(lab) if each.scheme == scheme)


def test_every_port_shows_what_openssl_shows(lab: Lab) -> None:
    targets = endpoints(lab)

    seen = seen_at(*targets)

    assert [(each.outcome, each.detail, each.doubts) for each in seen] == [("seen", "", ())] * 8
    for target, observation in zip(targets, seen, strict=True):
        named = [each for each in observation.deployments if each.server_name]
        assert shown(target, ADDRESS) in {each.leaf.sha256 for each in named}


def test_dovecot_forbids_login_before_tls(lab: Lab) -> None:
    (seen,) = seen_at(by_scheme(lab, "imap"))

    words = seen.capabilities
    assert "LOGINDISABLED" in words.before_tls
    assert words.auth_before_tls == ()
    assert "PLAIN" in words.auth_after_tls


@pytest.mark.parametrize("scheme", ["pop3", "pop3s", "sieve", "submission", "submissions"])
def test_passwords_are_taken_inside_tls_only(lab: Lab, scheme: str) -> None:
    (seen,) = seen_at(by_scheme(lab, scheme))

    assert "PLAIN" not in seen.capabilities.auth_before_tls
    assert "PLAIN" in seen.capabilities.auth_after_tls


def test_another_protocol_on_the_port_is_told(lab: Lab) -> None:
    smtp, imap = by_scheme(lab, "smtp"), by_scheme(lab, "imap")
    wrong = [endpoint(f"imap://mail.example.test:{smtp.port}")]
    wrong += [endpoint(f"smtp://mail.example.test:{imap.port}")]
    wrong += [endpoint(f"imaps://mail.example.test:{imap.port}")]

    seen = seen_at(*wrong)

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

    (seen,) = seen_at(smtp)

    assert (seen.outcome, seen.detail, seen.doubts) == ("seen", "", ())


def refuses_a_name(port: int) -> bool:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as session:
        code, words = session.ehlo("mail")
    return code == 504 and b"Helo command rejected" in words


def test_every_cell_is_proved(lab: Lab) -> None:
    targets = endpoints(lab)
    leaf = {target: shown(target, ADDRESS) for target in targets}
    wishes = [
        Expectation(
            cell=Cell(endpoint=target, address=ADDRESS, server_name=name),
            sha256=frozenset({leaf[target]}),
        )
        for target in targets
        for name in (target.host.ascii, None)
    ]

    result = asyncio.run(proof(wishes, gate=Gate(LIMITS), limits=LIMITS))

    assert result.complaints == ()
    assert result.holds


def test_all_ports_can_be_scanned_at_once(lab: Lab) -> None:
    seen = seen_at(*endpoints(lab), depth="standard")

    assert [each.doubts for each in seen] == [()] * 8
    assert all(each.cipher_suites for each in seen)
    assert all(
        BUDGETS["standard"].least <= each.connections <= BUDGETS["standard"].most for each in seen
    )
