from datetime import UTC, datetime

import pytest

from certcheck.errors import CaError
from certcheck.issue.received import issuer_name, received_chain
from certcheck.lab import pki

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)

CA = pki.authority(now=NOW)
GOOD = CA.issue(pki.GOOD, now=NOW)


def titles(pem: bytes) -> list[str]:
    return [each.title for each in received_chain(pem.decode())]


def test_a_chain_is_taken_as_it_came() -> None:
    assert titles(GOOD.chain) == ["mail.example.test", "CN=Lab intermediate"]


def test_a_self_signed_root_is_dropped() -> None:
    assert titles(GOOD.chain + CA.root.certificate) == titles(GOOD.chain)


def test_a_self_signed_leaf_alone_stays() -> None:
    assert titles(pki.make(pki.GOOD, now=NOW).chain) == ["mail.example.test"]


@pytest.mark.parametrize("text", ["", "<html>", "-----BEGIN CERTIFICATE-----\nx\n-----END"])
def test_an_answer_without_a_certificate_is_the_cas_fault(text: str) -> None:
    with pytest.raises(CaError, match="certificate authority's answer"):
        received_chain(text)


def test_the_issuer_is_named_by_its_common_name_or_as_a_whole() -> None:
    nameless = pki.make(pki.Shape(names=(), common_name=""), now=NOW)

    assert issuer_name(received_chain(GOOD.chain.decode())) == "Lab root"
    assert issuer_name(received_chain(GOOD.certificate.decode())) == "Lab intermediate"
    assert issuer_name(received_chain(nameless.chain.decode())) == ""
