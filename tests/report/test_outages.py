"""What a reader is told first of a watch."""

from dataclasses import replace
from typing import Any

import pytest

from certcheck.report import outages
from certcheck.report.facts import duration
from tests.report import runs


def told(**counts: int) -> str:
    usual = {"ports": 3, "handshakes": 10, "failed": 0, "watched_seconds": 123}
    return outages.verdict(replace(runs.watch(), counts=usual | counts))


def test_the_verdict_names_the_longest_outage_and_its_place() -> None:
    assert told(failed=3) == (
        "3 ports watched for 2 min 3 s: the longest outage was 2 min 3 s, "
        "on SUBMISSION mail.example.org:587 at 2001:db8::7, and it goes on"
    )


def test_the_verdict_says_when_nothing_or_everything_failed() -> None:
    assert told().endswith(": no handshake failed")
    assert told(failed=10).endswith(": no handshake was ever good")
    nothing: dict[str, Any] = {"rows": (), "counts": {"watched_seconds": 0}}
    assert outages.verdict(replace(runs.watch(), **nothing)).endswith(": nothing was seen")


def test_times_have_a_date_where_the_watch_took_a_day() -> None:
    night = runs.watch()
    days = replace(night, finished=night.finished.replace(day=29))

    assert outages.places(night)[0].table[1][3:5] == ("23:59:58", "00:00:01")
    assert outages.places(days)[0].table[1][3:5] == ("11-25 23:59:58", "11-26 00:00:01")


def test_one_certificate_on_all_ports_is_said_once() -> None:
    night = runs.watch()

    (leaf,) = outages.leaves(replace(night, rows=night.rows[1:]))

    assert leaf.spells == (("on 2 ports, and no other",),)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (1.44, "1.4 s"),
        (59.4, "59.4 s"),
        (59.6, "1 min 0 s"),
        (3599.7, "1 h 0 min"),
        (86400 + 7200, "1 d 2 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text
