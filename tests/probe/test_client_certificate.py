"""What is seen of a server that wants to see a certificate of ours."""

import pytest

from tests.probe.looking import look
from tests.zoo.identities import asking_for_certificates, context
from tests.zoo.manners import implicit, server


@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("required", [True, False])
def test_a_demand_is_seen_with_the_chain(newest: str, *, required: bool) -> None:
    seen = look(
        "imaps", implicit("imap", tls=asking_for_certificates(required=required, newest=newest))
    )

    assert seen.outcome == "seen"
    assert seen.client_certificate == ("required" if required else "asked")
    assert {each.possession_proven for each in seen.deployments} == {True}
    assert seen.doubts == ()


def test_a_demand_after_starttls_is_seen_with_what_was_said_before() -> None:
    seen = look(
        "smtp", server("smtp", tls=asking_for_certificates(required=True, newest="TLSv1_2"))
    )

    assert (seen.outcome, seen.client_certificate) == ("seen", "required")
    assert seen.capabilities.before_tls == ("SIZE 10240000", "STARTTLS")
    assert seen.protocols == ("TLSv1.2",)


def test_no_key_is_proven_where_only_its_certificate_was_sent() -> None:
    # RFC 5246 7.4.7.1: in RSA key exchange the server shows its key with Finished.
    tls = context("rsa2048", name="rsa.example.test")
    asking = asking_for_certificates(required=True, newest="TLSv1_2")
    tls.maximum_version = asking.maximum_version
    tls.verify_mode = asking.verify_mode
    tls.set_ciphers("AES128-GCM-SHA256")

    seen = look("imaps", implicit("imap", tls=tls))

    assert (seen.outcome, seen.client_certificate) == ("seen", "required")
    assert {each.possession_proven for each in seen.deployments} == {False}


def test_a_server_that_does_not_ask_is_not_said_to() -> None:
    seen = look("imaps", implicit("imap"))

    assert seen.client_certificate is None


def test_a_handshake_that_fails_before_the_demand_has_failed() -> None:
    # A suite that the client does not have: no certificate is ever sent.
    tls = context(name="null.example.test")
    asking = asking_for_certificates(required=True, newest="TLSv1_2")
    tls.maximum_version = asking.maximum_version
    tls.verify_mode = asking.verify_mode
    tls.set_ciphers("ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0")

    seen = look("imaps", implicit("imap", tls=tls))

    assert (seen.reason, seen.client_certificate) == ("handshake_failed", None)
    assert seen.deployments == ()
