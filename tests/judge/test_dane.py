import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certcheck.judge.dane import fitting, matches, unmatched
from certcheck.model.record import Tlsa
from tests.judge.making import Maker

_CASES = tomllib.loads(
    (Path(__file__).parents[2] / "fixtures" / "dane" / "matching.toml").read_text()
)["case"]

_MAKER = Maker({"leaf": {"names": ["mail.example.org"]}, "other": {"names": ["www.example.org"]}})


def _openssl(*arguments: str, data: bytes) -> bytes:
    return subprocess.run(
        ["openssl", *arguments], input=data, capture_output=True, check=True, timeout=30
    ).stdout


def _data(certificate: bytes, parameters: str) -> bytes:
    """What the openssl program makes of a certificate (PEM) for a record."""
    _, selector, matching = parameters.split()
    if selector == "1":
        key = _openssl("x509", "-pubkey", "-noout", data=certificate)
        content = _openssl("pkey", "-pubin", "-outform", "DER", data=key)
    else:
        content = _openssl("x509", "-outform", "DER", data=certificate)
    hashes = {"1": "-sha256", "2": "-sha512"}
    if matching not in hashes:
        return content
    return _openssl("dgst", hashes[matching], "-binary", data=content)


def _record(case: dict[str, Any]) -> Tlsa:
    usage, selector, matching = map(int, case["record"].split())
    if "data" in case:
        data = bytes.fromhex(case["data"])
    else:
        pem = _MAKER.identity(case["of"]).certificate
        data = _data(pem, case.get("hashed_as", case["record"]))
    kept = data[: len(data) - case.get("cut", 0)]
    return Tlsa(usage=usage, selector=selector, matching=matching, data=kept)


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["name"])
def test_a_record_matches_as_the_case_says(case: dict[str, Any]) -> None:
    chain = [_MAKER.certificate(name) for name in case.get("chain", ["leaf", "intermediate"])]

    assert matches(_record(case), chain) is case["matches"]


def test_the_fitting_record_is_the_one_to_publish() -> None:
    leaf = _MAKER.certificate("leaf")
    published = _data(_MAKER.identity("leaf").certificate, "3 1 1").hex()

    assert str(fitting(leaf)) == f"3 1 1 {published}"
    assert matches(fitting(leaf), [leaf])


def test_one_matching_record_of_several_is_enough() -> None:
    leaf, other = _MAKER.certificate("leaf"), _MAKER.certificate("other")

    assert unmatched([[leaf]], [fitting(other), fitting(leaf)]) == ()


def test_each_chain_that_no_record_matches_is_told() -> None:
    leaf, other = _MAKER.certificate("leaf"), _MAKER.certificate("other")

    assert unmatched([[leaf], [other]], [fitting(leaf)]) == ([other],)


def test_a_key_that_nobody_can_read_matches_nothing() -> None:
    leaf = _MAKER.certificate("leaf")

    assert not matches(fitting(leaf), [replace(leaf, der=b"\x30")])
