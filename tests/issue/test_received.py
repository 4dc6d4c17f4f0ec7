import ssl
from datetime import UTC, datetime

import pytest

from certcheck import x509
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


def test_a_root_that_signed_the_leaf_itself_stays() -> None:
    leaf = pki.make(pki.GOOD, issuer=CA.root, now=NOW)

    assert titles(leaf.certificate + CA.root.certificate) == ["mail.example.test", "CN=Lab root"]


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


def test_an_issuer_whose_name_nobody_can_read_is_no_crash() -> None:
    (leaf,) = x509.chain(GOOD.certificate, where="leaf")
    broken = leaf.der.replace(
        b"Lab intermediate", b"Lab \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    )
    pem = ssl.DER_cert_to_PEM_cert(broken)

    assert issuer_name(received_chain(pem)) == "unreadable"
