"""Servers as they are planned, before they are so."""

from dataclasses import replace

import pytest

from certcheck.errors import InputError
from certcheck.judge.plans import Plan, planned, tls_plan
from certcheck.lab import pki
from certcheck.model.observation import Knock
from tests.judge.programs import NAME, chain, seen

RSA, ECDSA = chain(pki.Shape(key="rsa2048")), chain()
KNOCKS = (Knock(stack="openssl-3.0", version="TLSv1.3", suite="TLS_AES_256_GCM_SHA384"),)
GCM = "TLS_ECDHE_{}_WITH_AES_128_GCM_SHA256"


def test_a_plan_for_tls_leaves_the_certificates_as_they_are_and_no_answers() -> None:
    server = replace(seen(RSA, plan="mozilla-old"), knocks=KNOCKS)

    found = planned(server, Plan(tls=tls_plan("mozilla-modern")))

    assert found.protocols == ("TLSv1.3",)
    assert found.deployments == server.deployments
    assert found.knocks == ()


def test_a_planned_chain_is_served_with_sni_and_without() -> None:
    found = planned(seen(RSA), Plan(chains=(RSA, ECDSA)))

    assert [(each.key_type, each.server_name) for each in found.deployments] == [
        ("rsa", NAME),
        ("ecdsa", NAME),
        ("rsa", None),
        ("ecdsa", None),
    ]


def test_answers_of_today_hold_for_a_chain_with_the_same_kind_of_key_only() -> None:
    server = replace(seen(RSA), knocks=KNOCKS)

    assert planned(server, Plan(chains=(RSA,))).knocks == KNOCKS
    assert planned(server, Plan(chains=(ECDSA,))).knocks == ()


def test_another_kind_of_key_brings_its_own_suites() -> None:
    server = replace(
        seen(RSA),
        cipher_suites={"TLSv1.2": (GCM.format("RSA"), "TLS_RSA_WITH_AES_128_CBC_SHA")},
    )

    found = planned(server, Plan(chains=(ECDSA,))).cipher_suites["TLSv1.2"]

    assert found == (GCM.format("RSA"), GCM.format("ECDSA"), "TLS_RSA_WITH_AES_128_CBC_SHA")
    assert planned(server, Plan(chains=(RSA,))).cipher_suites == server.cipher_suites


def test_a_plan_that_nobody_knows_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(InputError) as caught:
        tls_plan("mozilla-intermediat")

    assert "mozilla-intermediate" in caught.value.hint
