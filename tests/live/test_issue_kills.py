"""An order that is killed at any moment: nothing stays presented, and the next run ends it."""

from collections.abc import Iterator
from itertools import count, takewhile
from pathlib import Path

import pytest

from certcheck.store import bundles, orders
from tests.conftest import Certcheck
from tests.live.control import Control, control
from tests.live.pebbles import Ca, PebbleMaker, new_pebble, web_server

__all__ = ["new_pebble"]  # a fixture

KILLED = -9
NOTHING = [{"result": "no run was killed: nothing to recover"}]


@pytest.fixture
def pebble(new_pebble: PebbleMaker) -> Ca:
    return new_pebble()


def killed(host: Control, crash_at: int, command: str = "issue") -> bool:
    """Whether a command was killed at that point; False when it ended before."""
    ended = host.run(command, env={"CERTCHECK_CRASH_AT": str(crash_at)})
    assert ended.code in {KILLED, 0}, ended.stderr
    return ended.code == KILLED


def recovered(host: Control) -> list[str]:
    """What `recover` says of each order; all is tidy then, and a second one has nothing to do."""
    ordered = host.ca.orders

    healed = host.run("recover")

    assert healed.code == 0, healed.stderr
    rows = healed.document["rows"]
    stored = [f"mail/{number}" for number in bundles.numbers(host.state, "mail")]
    assert host.ca.orders == ordered
    assert stored in ([], ["mail/1"])
    assert [row["bundle"] for row in rows if row["result"] == "finished"] in ([], stored)
    check_tidy(host)
    assert host.run("recover").document["rows"] == NOTHING
    return [row["result"] for row in rows if row != NOTHING[0]]


def gone_on_with(host: Control, keys: int, made: int, finalized: int) -> None:
    """The next `issue` ends with one generation; what was finalized is not ordered again.

    `made` and `finalized` are the orders of the authority before the kill.
    """
    after_finalize = host.ca.finalized > finalized
    had_all = bool(bundles.numbers(host.state, "mail")) and not orders.unfinished(host.state)

    again = host.run("issue")

    assert again.code == 0, again.stderr
    number = 2 if had_all else 1  # a run that has only not said its last word is not gone on with
    assert [row["bundle"] for row in again.document["rows"]] == [f"mail/{number}"] * keys
    assert bundles.numbers(host.state, "mail")[-1] == number
    assert len(bundles.load(host.state, "mail").pairs) == keys
    assert host.ca.finalized - finalized == keys * number
    if after_finalize and keys == 1:
        assert host.ca.orders - made == number
    check_tidy(host)


def check_tidy(host: Control) -> None:
    assert list(host.webroot.iterdir()) == []
    assert orders.unfinished(host.state) == []
    assert list(host.state.glob("journal/*/key.pem")) == []
    for number in bundles.numbers(host.state, "mail"):
        bundles.load(host.state, "mail", number)


def hosts(folder: Path, ca: Ca, certcheck: Certcheck, key: str) -> Iterator[tuple[int, Control]]:
    """A new control host for each point (each third, of both keys) at which `issue` was killed."""
    www = folder / "www"
    step = 3 if key == "both" else 1  # twice the points, and twice the same
    numbers = count(1, step)
    fresh = ((n, control(folder / f"{n}", ca, certcheck, key=key, webroot=www)) for n in numbers)
    return takewhile(lambda each: killed(each[1], each[0]), fresh)


@pytest.mark.chaos
@pytest.mark.timeout(500)
@pytest.mark.parametrize("key", ["ecdsa", "both"])
def test_recover_is_right_after_a_kill_at_any_point(
    pebble: Ca, certcheck: Certcheck, tmp_path: Path, key: str
) -> None:
    webroot = tmp_path / "www"
    results: list[str] = []

    with web_server(pebble.http01_port, webroot):
        for _, host in hosts(tmp_path, pebble, certcheck, key):
            results += recovered(host)

    assert {"finished", "dropped"} == set(results)
    assert len(results) > 10


@pytest.mark.chaos
@pytest.mark.timeout(500)
@pytest.mark.parametrize(("key", "keys"), [("ecdsa", 1), ("both", 2)])
def test_the_next_issue_goes_on_after_a_kill_at_any_point(
    pebble: Ca, certcheck: Certcheck, tmp_path: Path, key: str, keys: int
) -> None:
    before = (0, 0)
    again: list[int] = []

    with web_server(pebble.http01_port, tmp_path / "www"):
        for point, host in hosts(tmp_path, pebble, certcheck, key):
            gone_on_with(host, keys, *before)
            before = (pebble.orders, pebble.finalized)
            if bundles.numbers(host.state, "mail") != (1,):
                again.append(point)

    assert point > 20
    assert again in ([], [point])


@pytest.mark.chaos
@pytest.mark.timeout(500)
def test_a_recovery_can_be_killed_at_any_point(
    pebble: Ca, certcheck: Certcheck, tmp_path: Path
) -> None:
    point, more = 0, True

    with web_server(pebble.http01_port, tmp_path / "www"):
        late = next(n for n in count(20) if finalized(tmp_path / f"{n}", pebble, certcheck, n))
        while more:
            point += 1
            host = finalized(tmp_path / f"{late}-{point}", pebble, certcheck, late)
            assert host is not None
            more = killed(host, point, "recover")
            recovered(host)
            assert bundles.numbers(host.state, "mail") == (1,)

    assert point > 4


def finalized(folder: Path, ca: Ca, certcheck: Certcheck, point: int) -> Control | None:
    """A control host whose `issue` was killed at that point, if that was after finalize."""
    before = ca.finalized
    host = control(folder, ca, certcheck, webroot=folder.parent / "www")
    assert killed(host, point)
    if ca.finalized > before:
        return host
    recovered(host)
    return None


def test_one_order_survives_one_kill_after_the_other(
    pebble: Ca, certcheck: Certcheck, tmp_path: Path
) -> None:
    host = control(tmp_path / "host", pebble, certcheck)

    with web_server(pebble.http01_port, host.webroot):
        kills = [killed(host, point) for point in (5, 10, 15, 20)]
        ended = host.run("issue")

    assert kills == [True] * 4
    assert ended.code == 0
    assert (pebble.orders, pebble.finalized) == (1, 1)
    check_tidy(host)
