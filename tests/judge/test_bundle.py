from typing import Any

import pytest

from certcheck.judge.bundle import unfit
from certcheck.x509 import key_spki_sha256
from tests.judge.making import NOW, Maker


def _reasons(
    maker: Maker,
    *chain: str,
    key: str = "leaf",
    names: tuple[str, ...] = ("mail.example.org",),
) -> tuple[str, ...]:
    return unfit(
        leaf_chain=tuple(maker.certificate(name) for name in chain),
        key_spki_sha256=key_spki_sha256(maker.identity(key).key, where=key),
        names=names,
        now=NOW,
    )


@pytest.mark.parametrize("shape", [{}, {"key": "rsa2048"}, {"names": ["*.example.org"]}])
def test_a_sound_bundle_is_fit(shape: dict[str, Any]) -> None:
    maker = Maker({"leaf": shape})

    assert _reasons(maker, "leaf", "intermediate") == ()
    assert _reasons(maker, "leaf", "intermediate", "root") == ()


def test_a_self_signed_certificate_needs_no_intermediate() -> None:
    assert _reasons(Maker({"leaf": {"issuer": "self"}}), "leaf") == ()


@pytest.mark.parametrize(
    ("shape", "chain", "reason"),
    [
        ({}, (), "it holds no certificate"),
        ({}, ("leaf",), "the intermediate certificate CN=Lab intermediate is missing"),
        ({}, ("leaf", "root", "intermediate"), "Lab root did not issue mail.example.org"),
        ({}, ("leaf", "stranger"), "did not issue mail.example.org"),
        ({"starts": -9, "ends": -1}, ("leaf", "intermediate"), "expired on 2026-11-24 12:00 UTC"),
        ({"starts": 1}, ("leaf", "intermediate"), "valid only from 2026-11-26 12:00 UTC on"),
        ({"is_ca": True}, ("leaf", "intermediate"), "is a CA certificate"),
        ({"key": "rsa1024"}, ("leaf", "intermediate"), "is too weak (RSA 1024)"),
        ({"names": ["x.example"]}, ("leaf", "intermediate"), "x.example does not name mail.exam"),
    ],
)
def test_each_fault_is_a_reason(shape: dict[str, Any], chain: tuple[str, ...], reason: str) -> None:
    reasons = _reasons(Maker({"leaf": shape}), *chain)

    assert any(reason in each for each in reasons)


def test_a_key_that_does_not_match_is_a_reason() -> None:
    reasons = _reasons(Maker({"other": {}}), "leaf", "intermediate", key="other")

    assert reasons == ("the key does not match the certificate of mail.example.org",)


def test_every_name_that_is_not_covered_is_named() -> None:
    names = ("mail.example.org", "smtp.example.org", "192.0.2.7")

    reasons = _reasons(Maker(), "leaf", "intermediate", names=names)

    assert [reason.rpartition(" ")[2] for reason in reasons] == ["smtp.example.org", "192.0.2.7"]


def test_all_reasons_are_given_at_once() -> None:
    maker = Maker({"leaf": {"starts": -9, "ends": -1, "key": "rsa1024"}, "other": {}})

    assert len(_reasons(maker, "leaf", key="other", names=("x.example",))) == 5
