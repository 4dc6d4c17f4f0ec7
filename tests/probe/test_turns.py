"""Turns: the bound, the order, and no turn is lost."""

import asyncio

from certcheck.probe.turns import Turns


def test_the_lowest_rank_is_next_and_then_who_came_first() -> None:
    async def order() -> list[str]:
        turns, done = Turns(1), []

        async def ask(name: str, rank: int) -> None:
            async with turns.one(rank):
                done.append(name)
                await asyncio.sleep(0)

        wanted = (("first", 9), ("late", 2), ("soon", 1), ("sooner", 0), ("soon too", 1))
        await asyncio.gather(*(ask(name, rank) for name, rank in wanted))
        return done

    assert asyncio.run(order()) == ["first", "sooner", "soon", "soon too", "late"]


def test_no_more_than_agreed_are_at_it_and_none_is_lost() -> None:
    async def most() -> tuple[int, int]:
        turns, now, peak, done = Turns(3), 0, 0, 0

        async def ask(rank: int) -> None:
            nonlocal now, peak, done
            async with turns.one(rank):
                now += 1
                peak = max(peak, now)
                await asyncio.sleep(0.001)
                now -= 1
                done += 1

        await asyncio.gather(*(ask(number % 4) for number in range(20)))
        return peak, done

    assert asyncio.run(most()) == (3, 20)


def test_who_is_cancelled_leaves_the_turn_to_the_next() -> None:
    async def asked() -> list[str]:
        turns, done = Turns(1), []

        async def ask(name: str) -> None:
            async with turns.one(0):
                done.append(name)

        async with turns.one(0):
            waiting, given, last = (
                asyncio.create_task(ask(n)) for n in ("waiting", "given", "last")
            )
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.sleep(0)
        given.cancel()  # after its turn was given, and before it could take it
        await asyncio.wait_for(last, timeout=5)
        await asyncio.gather(waiting, given, return_exceptions=True)
        await asyncio.wait_for(ask("afterwards"), timeout=5)
        return done

    assert asyncio.run(asked()) == ["last", "afterwards"]
