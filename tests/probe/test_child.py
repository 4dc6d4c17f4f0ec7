"""A child process on its leash: its answers, and its end when there is none."""

import asyncio
import contextlib
import os
import sys

import pytest

from certcheck.probe.child import Child, Leash, LeashError
from tests.process_tree import children


async def asked(
    *argv: str, deadline: float = 10.0, memory: int = 10**9, times: int = 1
) -> list[bytes]:
    child = await Child.started(argv or (sys.executable, "-c", ""), os.environ)
    try:
        leash = Leash(deadline=deadline, memory=memory)
        return [await child.answer(b"question", leash) for _ in range(times)]
    finally:
        await child.end()


def python(code: str, *, deadline: float = 10.0, memory: int = 10**9) -> bytes:
    (answer,) = asyncio.run(asked(sys.executable, "-c", code, deadline=deadline, memory=memory))
    return answer


def test_a_child_answers() -> None:
    assert python("print(input() + '!')") == b"question!\n"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("while True: pass", "not done after 0.5 s"),
        ("import os; os.abort()", "ended by SIGABRT"),
        ("raise SystemExit('no such luck')", "ended with an error: no such luck"),
        ("pass", "ended without an answer"),
        ("import sys; sys.stderr.write('x' * 9_000_000)", "wrote more than it should"),
        ("print('x' * 9_000_000)", "wrote more than it should"),
        ("import os, time; os.fork(); time.sleep(60)", "not done after 0.5 s"),
    ],
)
def test_a_bad_child_gives_the_real_reason_and_is_gone(code: str, why: str) -> None:
    before = children()

    with pytest.raises(LeashError, match=why):
        python(code, deadline=0.5 if "0.5" in why else 10.0)

    assert children() <= before


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(LeashError, match="it cannot be started: No such file"):
        asyncio.run(asked("/nowhere/python"))


def test_a_child_answers_again_until_it_was_asked_too_often() -> None:
    count = "import sys\nfor n, _ in enumerate(sys.stdin): print(n, flush=True)"

    async def fit_after(times: int) -> bool:
        child = await Child.started((sys.executable, "-c", count), os.environ)
        try:
            for number in range(times):
                answer = await child.answer(b"", Leash(deadline=10.0))
                assert answer == f"{number}\n".encode()
            return child.is_fit
        finally:
            await child.end()

    assert [asyncio.run(fit_after(times)) for times in (1, 3, 50)] == [True, True, False]


def test_a_child_that_gave_no_answer_or_grew_is_not_fit() -> None:
    answers = "input(); print(flush=True); input()"
    grows = f"x = b'x' * 100_000_000; {answers}"

    async def fit(code: str) -> bool:
        child = await Child.started((sys.executable, "-c", code), os.environ)
        try:
            with contextlib.suppress(LeashError):
                await child.answer(b"", Leash(deadline=10.0, memory=10**9))
            return child.is_fit
        finally:
            await child.end()

    assert [asyncio.run(fit(code)) for code in (answers, "", grows)] == [*(True, False, False)]


def test_a_child_that_grows_is_ended() -> None:
    with pytest.raises(LeashError, match="grew beyond 50 MB"):
        python("import time; x = b'x' * 200_000_000; time.sleep(60)", memory=50 * 1024**2)
