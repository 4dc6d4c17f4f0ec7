"""After a move: a retired host that still serves, and a port that is not steady."""

from dataclasses import replace
from typing import Any

import pytest

from certcheck.judge.aftermath import still_serving, turned_away, unsteadiness
from certcheck.model.action import Cell, CellProof
from certcheck.targets import endpoint
from tests.judge.making import observation

NEW, OLD = "ab" * 32, "cd" * 32
CELL = Cell(
    endpoint=endpoint("imaps://mail.example.org"),
    address="192.0.2.7",
    server_name="mail.example.org",
)
STEADY = CellProof(cell=CELL, served=((NEW, 20),), failed=0, handshakes=20)


def test_a_port_that_serves_one_thing_each_time_is_steady() -> None:
    assert list(unsteadiness(STEADY, frozenset({NEW}))) == []


def test_another_certificate_now_and_then_is_unannounced_with_its_count() -> None:
    mixed = replace(STEADY, served=((NEW, 17), (OLD, 3)))

    (found,) = unsteadiness(mixed, frozenset({NEW}))

    assert found.class_ == "unannounced"
    assert "CD:CD:CD:CD… 3 times of 20 handshakes" in found.message


def test_handshakes_that_fail_now_and_then_are_weakened() -> None:
    failing = replace(STEADY, served=((NEW, 16),), failed=4, detail="unreachable: no connection")

    (found,) = unsteadiness(failing, frozenset({NEW}))

    assert found.class_ == "weakened"
    assert "4 of 20 handshakes fail (no connection)" in found.message


@pytest.mark.parametrize("reason", ["rate_limited", "bye", "rejected_554"])
def test_a_server_that_turns_us_away_says_nothing_of_its_certificates(reason: str) -> None:
    limited = replace(STEADY, served=((NEW, 9),), failed=11, detail=f"{reason}: 421 too many")

    assert list(unsteadiness(limited, frozenset({NEW}))) == []
    assert turned_away(limited)
    assert not turned_away(STEADY)


@pytest.mark.parametrize(
    ("url", "facts", "says"),
    [
        ("smtp://mail.example.org:25", {}, "still takes mail"),
        ("imaps://mail.example.org:993", {}, "still takes logins"),
        ("pop3://mail.example.org:110", {"outcome": "no_tls"}, "still takes logins"),
        ("sieve://mail.example.org:4190", {"outcome": "tls_failed"}, "filter rules"),
        (
            "smtp://mail.example.org:25",
            {"outcome": "inconclusive", "reason": "wrong_protocol"},
            "still takes mail",
        ),
    ],
)
def test_a_port_of_a_retired_host_that_answers_is_named(
    url: str, facts: dict[str, Any], says: str
) -> None:
    (found,) = still_serving(observation({"observation": {"endpoint": url, **facts}}))

    assert found.class_ == "weakened"
    assert says in found.message


@pytest.mark.parametrize(
    "facts",
    [
        {"outcome": "closed", "reason": "refused"},
        {"outcome": "inconclusive", "reason": "unreachable"},
        {"outcome": "inconclusive", "reason": "rejected_554"},
    ],
)
def test_a_retired_host_that_is_gone_is_right(facts: dict[str, Any]) -> None:
    assert list(still_serving(observation({"observation": facts}))) == []
