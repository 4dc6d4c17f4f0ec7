"""What differs between two looks, by cases as data: a new case is a table in fixtures/changes."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certcheck.judge.changes import Terms, changes
from certcheck.model.bundle import Generation, Pair
from certcheck.model.change import BAD, FIELDS, Acceptance, Change
from certcheck.model.observation import Observation
from tests.judge.making import NOW, Maker, observed_as

_MAKER = Maker()
_CASES = Path(__file__).parents[2] / "fixtures" / "changes"


def _cases() -> list[dict[str, Any]]:
    files = sorted(_CASES.glob("*.toml"))
    return [case for path in files for case in tomllib.loads(path.read_text())["case"]]


def _looked(case: dict[str, Any], maker: Maker, when: str) -> Observation:
    part = case.get(when, {})
    facts = {**part.get("observation", {})}
    url = case.get("endpoint", "imap://mail.example.org:143")
    mode = "implicit" if url.split(":")[0] in {"imaps", "pop3s", "submissions"} else "starttls"
    usual = {"endpoint": url, "tls_mode": mode}
    return observed_as({**part, "observation": {**usual, **facts}}, maker)


def _terms(case: dict[str, Any], maker: Maker) -> Terms:
    chains = [
        tuple(map(maker.certificate, (name, "intermediate"))) for name in case.get("announced", ())
    ]
    names = chains[0][0].names if chains else ()
    pairs = tuple(Pair(key_pem=b"", chain=chain) for chain in chains)
    made = Generation(bundle="mail", number=3, names=names, authority="", created=NOW, pairs=pairs)
    why = Acceptance(reason="all were told", by="postmaster", at=NOW)
    declared = {
        field: value if value is True else frozenset(value)
        for field, value in case.get("expected", {}).items()
    }
    url = case.get("endpoint", "imap://mail.example.org:143")
    return Terms(
        announced={url: made} if pairs else {},
        known=frozenset(maker.certificate(name).sha256 for name in case.get("known", ())),
        expected=declared,
        accepted={case["accepted"]: why} if "accepted" in case else {},
    )


def _found(case: dict[str, Any]) -> tuple[Change, ...]:
    maker = Maker(case.get("certificates", {}))
    before = [] if case.get("nothing_before") else [_looked(case, maker, "before")]
    return changes(before, [_looked(case, maker, "after")], _terms(case, maker))


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case["name"])
def test_the_changes_are_what_the_case_expects_and_nothing_else(case: dict[str, Any]) -> None:
    found = _found(case)

    assert [f"{c.field} {c.class_}" for c in found] == case["expect"]
    assert all(case.get("says", "") in c.message for c in found)


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_has_a_case_that_differs(field: str) -> None:
    told = {line.partition(" ")[0] for case in _cases() for line in case["expect"]}

    assert field in told | {"before_tls"}  # as `after_tls`, by the same function


def test_a_change_keeps_its_id_while_it_lasts_and_differs_from_place_to_place() -> None:
    case = next(c for c in _cases() if c["name"] == "CRAM-MD5 is gone")

    first, again = _found(case), _found(case)
    elsewhere = _found({**case, "endpoint": "imap://mail.example.org:10143"})

    assert first == again
    assert first[0].id.startswith("auth_after_tls-")
    assert first[0].id != elsewhere[0].id


def test_an_accepted_change_says_why_who_and_when_and_is_no_longer_bad() -> None:
    case = next(c for c in _cases() if c["name"] == "CRAM-MD5 is gone")
    plain = _found(case)[0]

    (accepted,) = _found({**case, "accepted": plain.id})

    assert plain.bad
    assert not accepted.bad
    assert accepted.accepted == Acceptance(reason="all were told", by="postmaster", at=NOW)
    assert replace(accepted, class_=plain.class_, accepted=None) == plain


def test_every_bad_change_says_in_one_line_who_notices() -> None:
    bad = [c for case in _cases() for c in _found(case) if c.class_ in BAD]

    assert len(bad) > 30
    for change in bad:
        assert "\n" not in change.message
        assert len(change.message) > 30


def _at(*addresses: str) -> list[Observation]:
    return [observed_as({"observation": {"address": a}}, _MAKER) for a in addresses]


def test_a_host_at_another_address_is_compared_family_by_family() -> None:
    before = _at("192.0.2.7", "2001:db8::7")
    after = [
        *_at("2001:db8::12"),
        *(replace(o, protocols=("TLSv1.3",)) for o in _at("192.0.2.12")),
    ]

    (found,) = changes(before, after, Terms())

    assert (found.field, found.address, found.class_) == ("protocols", "192.0.2.12", "lost")


def test_an_address_that_is_gone_is_a_loss() -> None:
    (found,) = changes(_at("192.0.2.7", "192.0.2.8"), _at("192.0.2.8"), Terms())

    assert (found.field, found.address, found.class_) == ("outcome", "192.0.2.7", "lost")


def test_an_endpoint_that_was_not_asked_again_is_not_compared() -> None:
    before = [
        *_at("192.0.2.7"),
        *(replace(o, endpoint="pop3://mail.example.org:110") for o in _at("192.0.2.7")),
    ]

    assert changes(before, _at("192.0.2.7"), Terms()) == ()


def test_the_old_certificate_on_ipv6_only_is_told_of_that_address() -> None:
    case = next(c for c in _cases() if c["name"] == "the announced certificate is served")
    maker = Maker(case["certificates"])
    old, new = _looked(case, maker, "before"), _looked(case, maker, "after")
    before = [replace(old, address=a) for a in ("192.0.2.7", "2001:db8::7")]

    found = changes(before, [replace(new, address="192.0.2.7"), before[1]], _terms(case, maker))

    assert [(c.address, c.class_) for c in found] == [
        ("192.0.2.7", "announced"),
        ("2001:db8::7", "unannounced"),
    ]
