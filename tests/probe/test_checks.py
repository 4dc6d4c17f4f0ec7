"""Which checks a server is asked for, and what servers of the zoo are told by them."""

import asyncio
import itertools
import ssl

import pytest

from certcheck.lab import pki
from certcheck.model.endpoint import Scheme
from certcheck.model.observation import Check, TlsVersion, Verdict
from certcheck.probe import checks
from certcheck.probe.conclusion import Scanned
from certcheck.probe.scan import scanned
from certcheck.probe.scan_words import CHECKS
from certcheck.probe.sightings import deployments, with_scan
from tests.zoo.accidents import on_bad_line, refusing_by_eof
from tests.zoo.identities import own_context
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.manners import implicit, server
from tests.zoo.visit import NAME, door_to

PASS, NOT_APPLICABLE = Check(verdict="pass"), Check(verdict="not_applicable")
MODERN: dict[str, Verdict] = {
    **dict.fromkeys(checks.NAMES, "pass"),
    "robot": "not_applicable",
    "fallback_scsv": "not_applicable",
}
# OpenSSL's SSL_OP_NO_EXTENDED_MASTER_SECRET and SSL_OP_ALLOW_CLIENT_RENEGOTIATION
NO_EMS, RENEGOTIATION = 1 << 0, 1 << 8


def checked(behaviour: Behaviour, *versions: TlsVersion, scheme: Scheme = "imaps") -> Scanned:
    with door_to(scheme, behaviour) as door:
        return asyncio.run(scanned(door, versions))


def speaking(scheme: Scheme, tls: ssl.SSLContext) -> Behaviour:
    return implicit("imap", tls=tls) if scheme == "imaps" else server("imap", tls=tls)


def few(
    *keys: pki.KeyKind,
    ciphers: str = "ECDHE-ECDSA-AES128-GCM-SHA256",
    name: str = NAME.ascii,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> ssl.SSLContext:
    tls = own_context(*keys, name=name, oldest=ssl.TLSVersion.TLSv1_1)
    tls.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    tls.maximum_version = newest
    return tls


def differing(result: Scanned) -> dict[str, Verdict]:
    return {name: c.verdict for name, c in result.checks.items() if c.verdict != MODERN[name]}


@pytest.mark.parametrize(
    ("versions", "left_out"),
    [
        (("TLSv1.2", "TLSv1.3"), {"tls_fallback_scsv"}),
        (("TLSv1.1", "TLSv1.2"), {"tls_1_3_early_data"}),
        (("TLSv1.1",), {"tls_1_3_early_data", "tls_fallback_scsv", "tls_extended_master_secret"}),
        (("TLSv1.3",), set(CHECKS) - {"tls_1_3_early_data"}),
        ((), set(CHECKS)),
    ],
    ids=["modern", "without TLS 1.3", "one old version", "TLS 1.3 only", "none"],
)
def test_only_what_makes_sense_for_its_versions_is_asked(
    versions: tuple[TlsVersion, ...], left_out: set[str]
) -> None:
    assert set(CHECKS) - set(checks.commands(versions)) == left_out


def test_what_is_open_is_inconclusive_and_what_was_not_asked_does_not_apply() -> None:
    asked = ("heartbleed", "robot", "tls_compression")
    said = {"heartbleed": PASS, "compression": PASS}

    found = checks.concluded(said, asked, ["tls_compression", "tls_1_3_early_data"])

    assert set(found) == set(checks.NAMES)
    assert found["heartbleed"] == PASS
    assert found["compression"] == Check(verdict="inconclusive")
    assert found["robot"] == found["early_data"] == NOT_APPLICABLE


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["imap", "imaps"])
def test_a_modern_server_passes_all_that_applies(scheme: Scheme) -> None:
    result = checked(speaking(scheme, few()), "TLSv1.2", "TLSv1.3", scheme=scheme)

    assert result.doubts == ()
    assert differing(result) == {}


@pytest.mark.slow
def test_a_wide_server_is_asked_about_robot_and_fallback_too() -> None:
    tls = few("ecdsa", "rsa2048", ciphers="AES128-SHA:ECDHE-ECDSA-AES128-SHA")

    result = checked(implicit("imap", tls=tls), "TLSv1.1", "TLSv1.2", "TLSv1.3")

    assert result.doubts == ()
    assert differing(result) == {"robot": "pass", "fallback_scsv": "pass"}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["imap", "imaps"])
def test_what_a_server_lacks_is_a_failed_check(scheme: Scheme) -> None:
    def lacking(visitor: Visitor) -> None:
        # A context for each visitor: what one remembers of its sessions the next cannot know.
        tls = few(newest=ssl.TLSVersion.TLSv1_2)
        tls.options |= NO_EMS | RENEGOTIATION | ssl.OP_NO_TICKET
        tls.options &= ~ssl.OP_NO_RENEGOTIATION
        speaking(scheme, tls)(visitor)

    result = checked(lacking, "TLSv1.2", scheme=scheme)

    assert result.doubts == ()
    assert differing(result) == {
        "extended_master_secret": "fail",
        "client_renegotiation": "fail",
        "session_resumption": "fail",
        "early_data": "not_applicable",
    }
    assert result.checks["client_renegotiation"].detail == "accepted 3 times in a row"


@pytest.mark.slow
@pytest.mark.parametrize(("accidents", "verdict"), [((), "pass"), ((4,), "inconclusive")])
def test_an_end_without_a_word_says_nothing_on_a_bad_line(
    accidents: tuple[int, ...], verdict: str
) -> None:
    curt = refusing_by_eof(few(newest=ssl.TLSVersion.TLSv1_2))

    result = checked(on_bad_line(curt, "reset", lambda number: number in accidents), "TLSv1.2")

    assert result.checks["ccs_injection"].verdict == verdict
    assert any("ccs injection" in doubt for doubt in result.doubts) == bool(accidents)


@pytest.mark.slow
def test_two_back_ends_behind_one_address_show_as_mixed() -> None:
    turn = itertools.count()
    back_ends = [few(), few(name="other.example.test")]

    def balanced(visitor: Visitor) -> None:
        implicit("imap", tls=back_ends[next(turn) % 2])(visitor)

    result = checked(balanced, "TLSv1.2", "TLSv1.3")

    served = with_scan(deployments(()), result.found)
    named = [each for each in served if each.server_name == NAME.ascii]
    assert len(named) == 2
    assert all(1 < each.seen < each.of for each in named)
    assert sum(each.seen for each in named) == named[0].of == named[1].of
