import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certcheck.judge.caa import Applicant, forbidden
from certcheck.model.record import Caa

_CASES = tomllib.loads(
    (Path(__file__).parents[2] / "fixtures" / "caa" / "permission.toml").read_text()
)["case"]

APPLICANT = Applicant(
    identities=("ca.example", "ca.example.net"),
    kind="http-01",
    account_uri="https://ca.example/acct/1",
)


def record(text: str) -> Caa:
    flags, tag, value = text.split(maxsplit=2)
    return Caa(flags=int(flags), tag=tag, value=value[1:-1])


def judged(records: list[str], applicant: Applicant = APPLICANT, **more: Any) -> str | None:
    return forbidden(
        [record(each) for each in records],
        applicant,
        domain="example.org",
        wildcard=more.get("wildcard", False),
    )


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["name"])
def test_the_records_permit_or_forbid_as_the_case_says(case: dict[str, Any]) -> None:
    why = judged(**{key: case[key] for key in ("records", "wildcard") if key in case})

    if "forbids" not in case:
        assert why is None
    else:
        assert why is not None
        assert why.startswith("CAA of example.org ")
        assert case["forbids"] in why


def test_an_account_that_is_not_known_yet_is_not_held_against_the_order() -> None:
    records = ['0 issue "ca.example; accounturi=https://ca.example/acct/9"']

    assert judged(records, replace(APPLICANT, account_uri=None)) is None


def test_a_long_record_is_shown_in_part() -> None:
    why = judged([f'0 issue "other.example; x={"y" * 5000}"'])

    assert why is not None
    assert len(why) < 400
