"""Whatever happens at whatever moment: the old state or the new one, and it is known which."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from certcheck.errors import Obstacle, ServerError, Stranded, Undone
from certcheck.store import journal
from tests.install.bench import Bench, Fault, killed_at

MOVES = 10  # of the whole plan: two for each of its five steps


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def failing(number: int, error: Callable[[], BaseException]) -> Fault:
    def fault(n: int, _what: str) -> None:
        if n == number:
            raise error()

    return fault


def test_all_steps_are_done_and_proved(bench: Bench) -> None:
    outcome, book = bench.carry_out()

    assert outcome.error is None
    assert bench.machine.moves == MOVES
    assert bench.holds("new")
    assert bench.serves("new")
    assert [a.kind for a in outcome.actions][-1] == "verify"
    assert {a.state for a in outcome.actions} == {"done"}
    assert journal.unfinished(bench.state) == []
    assert book.complete


@pytest.mark.parametrize("number", range(1, MOVES + 1))
def test_any_failing_move_is_undone(bench: Bench, number: int) -> None:
    bench.machine.fault = failing(number, lambda: ServerError("it does not work"))

    outcome, _ = bench.carry_out()

    assert bench.holds("old")
    assert bench.serves("old")
    assert outcome.error is not None
    assert "it does not work" in outcome.error.message
    changed = number > 1  # the first move fails before anything has happened
    assert outcome.error.exit_code == (4 if changed else 3)
    assert [a.state for a in outcome.actions if a.kind == "replace_file"].count("done") == 0
    assert journal.unfinished(bench.state) == []


def test_a_proof_that_fails_is_undone(bench: Bench) -> None:
    bench.uses["B"] = ("b.pem", "shared.pem")  # the other way round: never what it serves
    after = bench.expectations("new")
    bench.uses["B"] = ("shared.pem", "b.pem")
    expectations = bench.expectations
    bench.expectations = lambda age: after if age == "new" else expectations(age)  # type: ignore[method-assign]

    outcome, _ = bench.carry_out()

    assert isinstance(outcome.error, Undone)
    assert "B serves something else" in outcome.error.message
    assert bench.holds("old")
    assert bench.serves("old")


@pytest.mark.parametrize("number", range(1, MOVES + 1))
def test_an_interruption_at_any_move_is_undone_and_goes_on(bench: Bench, number: int) -> None:
    bench.machine.fault = failing(number, KeyboardInterrupt)

    with pytest.raises(KeyboardInterrupt):
        bench.carry_out()

    assert bench.holds("old")
    assert bench.serves("old")
    assert journal.unfinished(bench.state) == []


@pytest.mark.parametrize("number", range(1, MOVES + 1))
def test_a_kill_at_any_move_is_put_right_by_the_next_run(bench: Bench, number: int) -> None:
    assert killed_at(bench, number)
    (book,) = journal.unfinished(bench.state)

    bench.undo(book)

    assert bench.holds("old")
    assert bench.serves("old")
    assert journal.unfinished(bench.state) == []


@pytest.mark.parametrize("number", range(1, MOVES + 1))
def test_a_kill_during_the_way_back_is_put_right_as_well(bench: Bench, number: int) -> None:
    assert killed_at(bench, MOVES)
    (book,) = journal.unfinished(bench.state)
    child = os.fork()
    if child == 0:
        bench.machine.fault = lambda n, _: os._exit(9) if n == number else None
        bench.undo(book)
        os._exit(0)
    os.waitpid(child, 0)

    for again in journal.unfinished(bench.state):
        bench.undo(again)

    assert bench.holds("old")
    assert bench.serves("old")
    assert journal.unfinished(bench.state) == []


def test_a_file_changed_by_another_program_keeps_the_whole_way_back_shut(bench: Bench) -> None:
    assert killed_at(bench, 5)  # A's two files are new, A is not reloaded
    bench.files["a.pem"].write_bytes(b"by hand")
    (book,) = journal.unfinished(bench.state)

    back = bench.undo(book)

    assert isinstance(back.error, Stranded)
    assert "a.pem has been changed by another program" in back.error.message
    assert str(book.folder) in back.error.message
    assert bench.files["a.pem"].read_bytes() == b"by hand"
    assert bench.files["shared.pem"].read_bytes() == b"new shared.pem"
    assert bench.machine.commands == []
    assert len(journal.unfinished(bench.state)) == 1


def test_when_the_way_back_fails_it_can_be_tried_again(bench: Bench) -> None:
    broken = True

    def fault(_number: int, what: str) -> None:
        if what.startswith("run reload B"):
            raise ServerError("B is gone")
        if broken and what == "replace a.pem" and bench.machine.commands:
            raise Obstacle("the disk is gone")

    bench.machine.fault = fault

    outcome, _ = bench.carry_out()

    assert isinstance(outcome.error, Stranded)
    assert outcome.error.exit_code == 5
    assert "B is gone; and the way back failed: the disk is gone" in outcome.error.message
    assert "failed" in [a.state for a in outcome.actions if a.kind == "restore_file"]

    bench.machine.fault = lambda _number, _what: None
    (book,) = journal.unfinished(bench.state)
    back = bench.undo(book)

    assert isinstance(back.error, Undone)
    assert bench.holds("old")
    assert bench.serves("old")


def test_an_interruption_that_cannot_be_undone_is_told_as_stranded(bench: Bench) -> None:
    def fault(_number: int, what: str) -> None:
        if what.startswith("run reload B") and bench.machine.commands == ["A", "B"]:
            raise KeyboardInterrupt
        if what == "replace a.pem" and bench.machine.commands:
            raise Obstacle("the disk is gone")

    bench.machine.fault = fault

    outcome, _ = bench.carry_out()

    assert isinstance(outcome.error, Stranded)
    assert "interrupted (KeyboardInterrupt)" in outcome.error.message


def test_signals_wait_until_the_way_back_is_walked(bench: Bench) -> None:
    def fault(number: int, _what: str) -> None:
        if number == MOVES:
            raise ServerError("it does not work")
        if number > MOVES:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)

    bench.machine.fault = fault
    before = signal.getsignal(signal.SIGTERM)

    outcome, _ = bench.carry_out()

    assert isinstance(outcome.error, Undone)
    assert bench.holds("old")
    assert signal.getsignal(signal.SIGTERM) is before


def test_every_server_of_a_restored_file_is_made_to_read_it(bench: Bench) -> None:
    bench.machine.fault = failing(5, lambda: ServerError("A does not reload"))

    bench.carry_out()

    assert bench.machine.commands == ["A", "A", "B"]  # tried once, then both for `shared.pem`


def test_old_files_come_back_with_their_mode(bench: Bench) -> None:
    bench.files["a.pem"].chmod(0o640)
    bench.machine.fault = failing(MOVES, lambda: ServerError("it does not work"))

    bench.carry_out()

    assert bench.files["a.pem"].stat().st_mode & 0o777 == 0o640


def test_a_file_changed_between_plan_and_act_stops_the_run(bench: Bench) -> None:
    def fault(number: int, _what: str) -> None:
        if number == 1:
            bench.files["a.pem"].write_bytes(b"by hand")

    bench.machine.fault = fault

    outcome, _ = bench.carry_out()

    assert outcome.error is not None
    assert "has changed since it was looked at" in outcome.error.message
    assert bench.files["a.pem"].read_bytes() == b"by hand"
    assert bench.machine.commands == []
