"""Every rule, by cases as data: a new case is a new table in fixtures/cases."""

import datetime as dt
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certcheck.judge import rule
from certcheck.model.finding import Finding
from certcheck.model.observation import OUTCOMES
from tests.judge.making import NOW, observation, observations

_CASES = Path(__file__).parents[2] / "fixtures" / "cases"
_DOCS = Path(__file__).parents[2] / "docs" / "findings.md"


def _cases() -> list[dict[str, Any]]:
    files = sorted(_CASES.glob("*.toml"))
    return [case for path in files for case in tomllib.loads(path.read_text())["case"]]


def _judged(case: dict[str, Any]) -> tuple[Finding, ...]:
    return rule.findings(observations(case), NOW)


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case["name"])
def test_the_rules_say_what_the_case_expects_and_nothing_else(case: dict[str, Any]) -> None:
    found = _judged(case)

    assert [f"{f.rule} {f.severity} {f.verdict}" for f in found] == case["expect"]
    assert all(case.get("says", "") in f.message for f in found)
    if "evidence" in case:
        assert case["evidence"] in found[0].evidence


@pytest.mark.parametrize("rule_id", [each.id for each in rule.RULES])
def test_each_rule_has_a_case_that_fires_and_one_that_does_not(rule_id: str) -> None:
    expected = [case["expect"] for case in _cases()]

    fires = [any(line.startswith(f"{rule_id} ") for line in lines) for lines in expected]
    assert any(fires)
    assert not all(fires)


@pytest.mark.parametrize("reason", OUTCOMES)
def test_every_reason_has_words_of_its_own(reason: str) -> None:
    told = {}
    for each, outcome in OUTCOMES.items():
        case = {"observation": {"outcome": outcome, "reason": each, "detail": "its words"}}
        told[str(each)] = _judged(case)

    mine = told.pop(reason)
    others = {found.message for findings in told.values() for found in findings}
    assert mine
    assert not others & {found.message for found in mine}
    assert {found.evidence for found in mine} == {"its words"}


@pytest.mark.parametrize(("reason", "outcome"), OUTCOMES.items())
def test_whatever_cannot_do_tls_is_told_once_at_length_and_always_as_tls_failed(
    reason: str, outcome: str
) -> None:
    found = _judged({"observation": {"outcome": outcome, "reason": reason}})

    short = [f.message for f in found if f.message.endswith(f"{reason} says why.")]
    assert len(found) == len(short) + 1
    assert any(f.rule == "tls_failed" for f in found) == (outcome in {"no_tls", "tls_failed"})


def test_an_id_tells_rule_endpoint_and_address_apart_and_stays() -> None:
    case = {"observation": {"outcome": "closed", "reason": "refused"}}
    first = observation(case)
    others = [
        replace(first, id="o2", address="2001:db8::7"),
        replace(first, id="o3", endpoint="imap://mail.example.org:1143"),
    ]

    found = rule.findings([first, *others], NOW)
    again = rule.findings([replace(first, id="o9")], NOW + dt.timedelta(days=1))

    assert len({f.id for f in found}) == 3
    assert again[0].id == found[0].id
    assert found[0].id.startswith("port_closed-")


def test_ids_are_unique_when_one_rule_fires_twice() -> None:
    doubts = ["one", "two", "two"]

    found = _judged({"observation": {"doubts": doubts}})

    assert len(found) == len({f.id for f in found}) == 2


def test_a_hostile_text_from_the_server_breaks_no_rule() -> None:
    odd = "\udcff\x1b]8;;\u202e"
    case = {
        "observation": {
            "doubts": [odd],
            "protocols": ["TLSv1.0"],
            "cipher_suites": {"TLSv1.0": [odd, "TLS_RSA_WITH_RC4_128_SHA"]},
            "capabilities": {"auth_before_tls": [odd]},
        },
        "certificates": {
            "leaf": {"facts": {"names": (odd,), "subject": odd, "issuer": odd, "key": odd}}
        },
    }

    found = _judged(case)

    assert {"name_missing", "scan_incomplete", "weak_suite"} <= {f.rule for f in found}


def test_no_observation_gives_no_finding() -> None:
    assert rule.findings([], NOW) == ()


def test_rules_have_words_a_source_and_unique_names() -> None:
    assert len({each.id for each in rule.RULES}) == len(rule.RULES)
    for each in rule.RULES:
        assert each.id.replace("_", "").isalnum()
        assert each.source.startswith("https://")
        assert len(each.text) > 40


def test_the_rules_that_others_rely_on_are_there() -> None:
    relied_on = {"port_closed", "tls_failed", "mixed_certificates", "name_missing"}
    relied_on |= {"self_signed", "expired", "asks_for_client_certificate"}

    assert relied_on <= {each.id for each in rule.RULES}


def test_the_page_of_findings_is_in_sync() -> None:
    assert _DOCS.read_text() == rule.document(), "run: make docs"


def test_every_rule_is_on_the_page() -> None:
    page = rule.document()

    assert all(f"## {each.id}\n" in page for each in rule.RULES)
