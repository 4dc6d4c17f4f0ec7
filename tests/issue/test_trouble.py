"""When an authority in trouble is asked again, and what is kept of its limits."""

import http.client
import json
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import requests

from certcheck.errors import CaError
from certcheck.issue.account import account_home
from certcheck.issue.clock import refuse_skew
from certcheck.issue.trouble import pause
from tests.issue.conftest import ScriptedMaker, problem
from tests.issue.play import SMOOTH, begun, ordered

CUT = http.client.IncompleteRead(b"")


def caused_by(cause: BaseException) -> requests.ConnectionError:
    error = requests.ConnectionError("wrapped")
    error.__cause__ = cause
    return error


def refusal(status: int, **headers: str) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return answer


@pytest.mark.parametrize(
    ("cause", "again"),
    [
        (ConnectionResetError(), True),
        (http.client.RemoteDisconnected(""), True),
        (CUT, True),
        (ssl.SSLEOFError(), True),
        (TimeoutError(), True),
        (ssl.SSLCertVerificationError(), False),
        (ssl.SSLError(), False),
        (http.client.BadStatusLine("x"), False),
        (OSError("no such ca_file"), False),
    ],
)
def test_what_was_cut_is_asked_again(cause: BaseException, again: bool) -> None:  # noqa: FBT001
    assert (pause(caused_by(cause), None, tries=1, known=False) is not None) is again


def test_a_closed_port_is_a_restart_of_an_authority_that_has_answered() -> None:
    refused = caused_by(ConnectionRefusedError())

    assert pause(refused, None, tries=1, known=False) is None
    assert pause(refused, None, tries=1, known=True) is not None


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (refusal(500), 0.01),
        (refusal(503, Retry_After="7"), 7.0),
        (refusal(503, Retry_After="0"), 0.1),
        (refusal(503, Retry_After="11"), None),
        (refusal(429, Retry_After="2"), 2.0),
        (refusal(429, Retry_After="3600"), None),
        (refusal(429), None),
        (refusal(403, Retry_After="2"), None),
        (refusal(404), None),
    ],
)
def test_an_answer_says_how_long_to_wait(answer: requests.Response, seconds: float | None) -> None:
    assert pause(requests.RequestException(), answer, tries=1, known=True) == seconds


def test_there_are_four_tries_with_growing_pauses() -> None:
    pauses = [pause(caused_by(CUT), None, tries=n, known=True) for n in range(1, 5)]

    assert pauses == [0.01, 0.02, 0.03, None]


def test_a_limit_on_an_order_that_is_gone_on_with_is_kept(
    scripted: ScriptedMaker, tmp_path: Path
) -> None:
    late = problem("rateLimited", "slowly", 429, headers={"Retry-After": "3600"})
    ca = scripted({**SMOOTH, "/o": late})
    order = begun(tmp_path, ca.authority.directory)
    order.ordered(f"{ca.base}/o")

    for said in ("slowly", "asked not to order mail.example.test before"):
        with pytest.raises(CaError, match=said):
            ordered(ca, tmp_path, order=order)

    assert ca.asked.count(("POST", "/o")) == 1
    kept = account_home(tmp_path, ca.authority.directory) / "limits.json"
    assert [each["names"] for each in json.loads(kept.read_text())] == [["mail.example.test"]]


def test_a_limit_that_asks_for_years_is_cut_short(scripted: ScriptedMaker, tmp_path: Path) -> None:
    late = problem("rateLimited", "slowly", 429, headers={"Retry-After": "999999999"})
    ca = scripted({**SMOOTH, "/newOrder": late})

    with pytest.raises(CaError):
        ordered(ca, tmp_path)

    (kept,) = json.loads(
        (account_home(tmp_path, ca.authority.directory) / "limits.json").read_text()
    )
    until = datetime.fromisoformat(kept["until"])
    assert until - datetime.now(UTC) <= timedelta(days=30)


@pytest.mark.parametrize(
    ("off", "told"),
    [
        (timedelta(minutes=6), "0 h 6 min behind"),
        (timedelta(hours=-3, minutes=-30), "3 h 30 min ahead of"),
        (timedelta(days=1, hours=5), "1 day 5 h behind"),
        (timedelta(days=-40), "40 days 0 h ahead of"),
    ],
)
def test_a_clock_that_is_off_is_told_by_how_much(off: timedelta, told: str) -> None:
    with pytest.raises(CaError, match=told):
        refuse_skew({"Date": format_datetime(datetime.now(UTC) + off, usegmt=True)})


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
def test_a_date_that_says_nothing_is_no_reproach(headers: dict[str, str]) -> None:
    refuse_skew(headers)


@pytest.mark.parametrize(
    ("off", "age"), [(timedelta(minutes=4), {}), (timedelta(days=-1), {"Age": "86400"})]
)
def test_a_date_that_is_nearly_right_or_old_by_its_age_is_none_either(
    off: timedelta, age: dict[str, str]
) -> None:
    refuse_skew({"Date": format_datetime(datetime.now(UTC) + off, usegmt=True), **age})
