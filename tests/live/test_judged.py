"""What `certcheck audit` says of servers that are wrong in one way: exit 1, and the rule's name."""

import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from certcheck.judge import rule
from certcheck.lab import pki
from tests.conftest import Certcheck, Ended
from tests.zoo.animals import says
from tests.zoo.keeper import Behaviour, context, kept
from tests.zoo.manners import implicit, server

CA = pki.authority()


def tls(folder: Path, identity: pki.Identity) -> ssl.SSLContext:
    file = folder / "identity.pem"
    file.write_bytes(identity.key_first)
    return context(str(file))


def audited(
    certcheck: Certcheck, folder: Path, scheme: str, behaviour: Behaviour, *more: str
) -> Ended:
    (folder / "ca.pem").write_bytes(CA.root.certificate)
    with kept(behaviour) as place:
        return certcheck(
            *("audit", "--json", "--depth", "quick", "--timeout", "5", "--ca-file", "ca.pem"),
            *("--connect-to", f"mail.example.test::127.0.0.1:{place.port}", *more),
            f"{scheme}://mail.example.test",
        )


def errors(audit: Ended) -> Sequence[str]:
    found = audit.document["findings"]
    return sorted({f["rule"] for f in found if f["severity"] == "error" and f["verdict"] == "fail"})


@pytest.mark.parametrize(
    ("shape", "rules"),
    [
        (pki.GOOD, []),
        (pki.EXPIRED, ["expired"]),
        (pki.NOT_YET_VALID, ["not_yet_valid"]),
        (pki.WRONG_NAME, ["name_missing"]),
        (pki.CN_ONLY, ["name_missing"]),
    ],
)
@pytest.mark.parametrize("scheme", ["imaps", "smtp"])
def test_a_certificate_that_is_wrong_in_one_way_is_told_so(
    certcheck: Certcheck, tmp_path: Path, scheme: str, shape: pki.Shape, rules: list[str]
) -> None:
    serving = tls(tmp_path, CA.issue(shape))
    behaviour = implicit("imap", tls=serving) if scheme == "imaps" else server("smtp", tls=serving)

    audit = audited(certcheck, tmp_path, scheme, behaviour)

    assert set(rules) <= set(errors(audit))
    assert not set(errors(audit)) - set(rules) - {"untrusted"}
    assert audit.code == (1 if errors(audit) else 0)


def test_a_chain_without_its_middle_is_told_so(certcheck: Certcheck, tmp_path: Path) -> None:
    alone = tls(tmp_path, CA.issue(pki.GOOD).without_intermediates())

    audit = audited(certcheck, tmp_path, "imaps", implicit("imap", tls=alone))

    assert audit.code == 1
    assert "chain_incomplete" in errors(audit)


@pytest.mark.parametrize(
    ("scheme", "behaviour", "reason"),
    [
        (
            "imap",
            server("imap", {"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\nc1 OK x\r\n"}),
            "starttls_not_offered",
        ),
        ("smtp", server("smtp", {"EHLO": b"250 zoo\r\n"}), "starttls_not_offered"),
        ("smtp", server("smtp", {"STARTTLS": b"454 not now\r\n"}), "tls_unavailable_454"),
        ("imap", implicit("imap"), "tls_on_plain_port"),
        ("imaps", says(b"* OK zoo\r\n"), "plain_on_tls_port"),
        ("imap", says(b"* PREAUTH hello\r\n"), "preauth"),
        ("smtp", server("smtp", {"EHLO": b"250-zoo\r\n250 XXXXXXXA\r\n"}), "starttls_garbled"),
        ("smtp", server("smtp", {"STARTTLS": b"220 go\r\n250 more\r\n"}), "injected_bytes"),
    ],
)
def test_a_server_that_cannot_do_tls_is_told_so(
    certcheck: Certcheck, tmp_path: Path, scheme: str, behaviour: Behaviour, reason: str
) -> None:
    audit = audited(certcheck, tmp_path, scheme, behaviour)

    assert audit.code == 1
    own = {each.id for each in rule.RULES} & {reason}  # some causes have a rule of their own
    assert set(errors(audit)) == {"tls_failed"} | own
    (observation,) = audit.document["observations"]
    assert observation["reason"] == reason


def test_what_may_be_decided_otherwise_is_not_judged_bad(
    certcheck: Certcheck, tmp_path: Path
) -> None:
    soon = CA.issue(pki.Shape(starts=-87, ends=3))
    behaviour = implicit("imap", tls=tls(tmp_path, soon))

    lenient = audited(certcheck, tmp_path, "imaps", behaviour)
    strict = audited(certcheck, tmp_path, "imaps", behaviour, "--fail-on", "warning")

    assert "expires_soon" in {f["rule"] for f in lenient.document["findings"]}
    assert (lenient.code, strict.code) == (0, 1)
