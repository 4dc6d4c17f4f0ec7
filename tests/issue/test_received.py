from datetime import UTC, datetime, timedelta

import pytest

from certcheck import x509
from certcheck.errors import CaError
from certcheck.issue.received import checked_chain, issuer_name, received_chain
from certcheck.lab import pki
from certcheck.names import hostname

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NAMES = ("mail.example.test", "*.imap.example.test", "192.0.2.7")
WANTED = tuple(hostname(each, wildcard=True) for each in NAMES)

CA = pki.authority(now=NOW)
GOOD = CA.issue(pki.Shape(names=NAMES), now=NOW)


def check(
    pem: bytes, *, key: bytes = GOOD.key, names: tuple[str, ...] = NAMES, now: datetime = NOW
) -> tuple[str, ...]:
    fit = checked_chain(
        received_chain(pem.decode()),
        spki_sha256=x509.key_spki_sha256(key, where="key"),
        names=tuple(hostname(each, wildcard=True) for each in names),
        now=now,
    )
    return tuple(each.title for each in fit)


def test_a_sound_chain_is_taken_as_it_came() -> None:
    assert check(GOOD.chain) == ("mail.example.test", "CN=Lab intermediate")


def test_a_self_signed_root_is_dropped() -> None:
    assert check(GOOD.chain + CA.root.certificate) == check(GOOD.chain)


def test_a_self_signed_leaf_alone_stays() -> None:
    alone = pki.make(pki.Shape(names=NAMES), now=NOW)

    assert check(alone.chain, key=alone.key) == ("mail.example.test",)


def test_a_wildcard_covers_what_was_asked_for() -> None:
    assert check(GOOD.chain, names=("a.imap.example.test",))


@pytest.mark.parametrize(
    ("pem", "complaint"),
    [
        (GOOD.certificate + CA.root.certificate, "not issued by 'CN=Lab root'"),
        (GOOD.certificate + pki.authority(now=NOW).intermediate.certificate, "not issued by"),
        (GOOD.certificate + GOOD.certificate, "not issued by"),
        (CA.intermediate.certificate + GOOD.certificate, "its key is not the one"),
        (CA.issue(pki.Shape(names=NAMES), now=NOW).chain, "its key is not the one"),
    ],
)
def test_a_chain_that_does_not_fit_is_refused(pem: bytes, complaint: str) -> None:
    with pytest.raises(CaError, match=complaint):
        check(pem)


def test_an_intermediate_that_is_no_ca_is_refused() -> None:
    fake = pki.make(pki.Shape(names=("evil.example.test",)), issuer=CA.root, now=NOW)
    leaf = pki.make(pki.Shape(names=NAMES), issuer=fake, now=NOW)

    with pytest.raises(CaError, match=r"not issued by 'evil\.example\.test'"):
        check(leaf.certificate + fake.certificate, key=leaf.key)


def test_missing_names_are_listed() -> None:
    with pytest.raises(CaError, match=r"it lacks pop\.example\.test, 192\.0\.2\.8"):
        check(GOOD.chain, names=(*NAMES, "pop.example.test", "192.0.2.8"))


@pytest.mark.parametrize("days", [-2, 91])
def test_a_chain_that_is_not_valid_today_is_refused_with_the_clock_in_mind(days: int) -> None:
    with pytest.raises(CaError, match="is valid from") as e:
        check(GOOD.chain, now=NOW + timedelta(days=days))

    assert "clock" in e.value.hint


@pytest.mark.parametrize("text", ["", "<html>", "-----BEGIN CERTIFICATE-----\nx\n-----END"])
def test_an_answer_without_a_certificate_is_the_cas_fault(text: str) -> None:
    with pytest.raises(CaError, match="certificate authority's answer"):
        received_chain(text)


def test_the_issuer_is_named_by_its_common_name_or_as_a_whole() -> None:
    nameless = pki.make(pki.Shape(names=(), common_name=""), now=NOW)

    assert issuer_name(received_chain(GOOD.chain.decode())) == "Lab root"
    assert issuer_name(received_chain(GOOD.certificate.decode())) == "Lab intermediate"
    assert issuer_name(received_chain(nameless.chain.decode())) == ""
