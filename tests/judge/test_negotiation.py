"""What stacks and servers agree on, rule by rule."""

from dataclasses import replace

import pytest

from certcheck.judge.negotiation import NoSession, Session, contradiction, negotiated, real
from certcheck.judge.prediction import served_to
from certcheck.judge.profiles import stacks
from certcheck.lab import pki
from certcheck.model.client import Stack
from certcheck.model.observation import Knock, Observation
from tests.judge.programs import NAME, chain, seen

ECDSA, RSA = chain(), chain(pki.Shape(key="rsa2048"))
OPENSSL, WINDOWS_8 = stacks()["openssl-3.0"], stacks()["schannel-windows-8.1"]
AES_128, AES_256 = "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"


def agreed(stack: Stack, server: Observation) -> Session | NoSession:
    return negotiated(stack, server, served_to(stack, server, NAME))


def refused(stack: Stack, server: Observation) -> str:
    found = agreed(stack, server)
    assert isinstance(found, NoSession)
    return found.reason


def session(stack: Stack, server: Observation) -> Session:
    found = agreed(stack, server)
    assert isinstance(found, Session), found
    return found


def only(server: Observation, version: str, *suites: str) -> Observation:
    return replace(server, protocols=(version,), cipher_suites={version: suites})  # type: ignore[arg-type]


def test_the_newest_common_version_and_the_clients_first_suite_are_taken() -> None:
    found = session(OPENSSL, seen(ECDSA, RSA))

    assert (found.version, found.suite) == ("TLSv1.3", AES_256)


def test_where_the_server_decides_and_its_order_is_not_known_the_suite_is_left_open() -> None:
    server = replace(seen(ECDSA), preference="server")

    assert session(OPENSSL, server).suite is None
    assert session(OPENSSL, only(server, "TLSv1.3", AES_128)).suite == AES_128


@pytest.mark.parametrize(
    ("stack", "theirs"),
    [("android-4.1", "TLS 1.0"), ("schannel-windows-7", "TLS 1.0"), ("apple-ios-5", "TLS 1.2")],
)
def test_without_a_common_version_both_sides_are_named(stack: str, theirs: str) -> None:
    server = seen(ECDSA, plan="mozilla-modern")

    assert refused(stacks()[stack], server) == (
        f"it knows {theirs} at most, and the server takes TLS 1.3 only"
    )


def test_a_security_level_refuses_old_versions_by_itself() -> None:
    server = only(seen(RSA), "TLSv1.0", "TLS_RSA_WITH_AES_128_CBC_SHA")

    found = agreed(OPENSSL, server)

    assert isinstance(found, NoSession)
    assert found.by_client
    assert session(replace(OPENSSL, level=None), server).version == "TLSv1.0"


def test_tls_1_3_is_not_left_again_where_its_groups_or_signatures_do_not_fit() -> None:
    server = seen(ECDSA, RSA)

    assert "no group" in refused(OPENSSL, replace(server, groups=("X25519MLKEM768",)))
    assert "ECDSA P-521" in refused(OPENSSL_NO_P521, with_key(seen(ECDSA), "ECDSA P-521"))


OPENSSL_NO_P521 = replace(
    OPENSSL, signatures=tuple(s for s in OPENSSL.signatures or () if "secp521r1" not in s)
)


def with_key(server: Observation, key: str) -> Observation:
    deployments = tuple(
        replace(each, chain=(replace(each.leaf, key=key), *each.chain[1:]))
        for each in server.deployments
    )
    return replace(server, deployments=deployments)


def test_signatures_that_nobody_documents_are_those_that_tls_1_3_demands_of_all() -> None:
    windows_11 = stacks()["schannel-windows-11-22h2"]

    assert windows_11.signatures is None
    assert session(windows_11, seen(ECDSA)).version == "TLSv1.3"
    found = agreed(windows_11, with_key(seen(ECDSA), "ECDSA P-384"))
    assert isinstance(found, NoSession)
    assert not found.sure


def test_the_clients_signatures_choose_between_two_certificates_in_tls_1_3() -> None:
    first = session(OPENSSL, seen(RSA, ECDSA))
    rsa_first = replace(OPENSSL, signatures=tuple(sorted(OPENSSL.signatures or (), reverse=True)))

    assert [each.key_type for each in first.served] == ["ecdsa"]
    assert [each.key_type for each in session(rsa_first, seen(RSA, ECDSA)).served] == ["rsa"]


def test_windows_8_1_has_no_ecdhe_with_rsa_and_gcm() -> None:
    server = seen(RSA)

    assert "has no cipher suite in common" in refused(WINDOWS_8, server) or "none of" in refused(
        WINDOWS_8, server
    )
    assert session(WINDOWS_8, seen(RSA, ECDSA)).version == "TLSv1.2"
    dhe = only(server, "TLSv1.2", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384")
    assert session(WINDOWS_8, dhe).suite == "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"


def test_below_tls_1_3_a_suite_needs_a_certificate_of_its_kind() -> None:
    ecdsa = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"

    assert "works with the server's RSA certificate" in refused(
        OPENSSL, only(seen(RSA), "TLSv1.2", ecdsa)
    )
    assert session(OPENSSL, only(seen(ECDSA), "TLSv1.2", ecdsa)).suite == ecdsa


def test_below_tls_1_3_the_curve_of_the_certificate_is_among_the_groups() -> None:
    suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    server = only(seen(ECDSA), "TLSv1.2", suite)
    other = replace(OPENSSL, groups=("X25519", "secp384r1"))

    assert session(OPENSSL, server).suite == suite
    assert isinstance(agreed(other, server), NoSession)
    assert isinstance(
        agreed(replace(OPENSSL, groups=("X448",)), replace(server, groups=("X25519",))), NoSession
    )


def test_in_tls_1_2_a_common_signature_is_needed_and_for_rsa_key_exchange_none() -> None:
    gcm, rsa = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"
    none = replace(OPENSSL, signatures=("ecdsa_secp256r1_sha256",))

    assert isinstance(agreed(none, only(seen(RSA), "TLSv1.2", gcm)), NoSession)
    assert session(none, only(seen(RSA), "TLSv1.2", gcm, rsa)).suite == rsa


def test_without_sni_the_default_certificate_is_shown() -> None:
    server = seen(ECDSA)
    named, default = server.deployments
    other = chain(pki.WRONG_NAME)
    server = replace(server, deployments=(named, replace(default, chain=other)))
    old = stacks()["android-2.3"]

    assert served_to(OPENSSL, server, NAME) == (named,)
    assert [each.leaf for each in served_to(old, server, NAME)] == [other[0]]
    assert [each.leaf for each in served_to(OPENSSL, server, "mail.customer.test")] == [other[0]]


def test_suites_that_nobody_asked_for_leave_it_open() -> None:
    found = agreed(OPENSSL, replace(seen(ECDSA), cipher_suites={}))

    assert isinstance(found, NoSession)
    assert not found.sure


class TestRealAnswer:
    server = seen(ECDSA, RSA)
    expected = session(OPENSSL, server)

    def of(self, knock: Knock) -> Session | NoSession:
        return real(self.expected, knock, served_to(OPENSSL, self.server, NAME))

    def test_a_refusal_beats_what_was_expected(self) -> None:
        knock = Knock(stack="openssl-3.0")

        assert isinstance(self.of(knock), NoSession)
        assert contradiction(self.expected, knock) == (
            f"expected TLS 1.3 with {AES_256}, and the answer is a refusal"
        )

    def test_another_choice_beats_what_was_expected(self) -> None:
        suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        knock = Knock(stack="openssl-3.0", version="TLSv1.2", suite=suite)

        found = self.of(knock)

        assert isinstance(found, Session)
        assert (found.version, found.suite) == ("TLSv1.2", suite)
        assert [each.key_type for each in found.served] == ["rsa"]
        assert "the answer is TLS 1.2" in (contradiction(self.expected, knock) or "")

    def test_the_same_and_what_is_not_clear_change_nothing(self) -> None:
        for knock in (
            Knock(stack="openssl-3.0", version="TLSv1.3", suite=AES_256),
            Knock(stack="openssl-3.0", doubt="the server stays silent"),
        ):
            assert self.of(knock) == self.expected
            assert contradiction(self.expected, knock) is None
