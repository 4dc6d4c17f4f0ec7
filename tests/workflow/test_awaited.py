"""Signals that come at the worst moment."""

import asyncio
import signal

import pytest

from certcheck.workflow.awaited import awaited


async def answer() -> int:
    return 42


async def cancelled_before_it_began() -> None:
    task = asyncio.current_task()
    assert task
    task.cancel()
    await asyncio.sleep(0)


async def interrupted() -> None:
    signal.raise_signal(signal.SIGINT)
    await asyncio.sleep(10)


def test_work_comes_to_its_result() -> None:
    assert awaited(answer()) == 42


def test_an_interruption_that_asyncio_did_not_count_is_one_all_the_same() -> None:
    with pytest.raises(KeyboardInterrupt):
        awaited(cancelled_before_it_began())


def test_ctrl_c_is_an_interruption() -> None:
    with pytest.raises(KeyboardInterrupt):
        awaited(interrupted())
