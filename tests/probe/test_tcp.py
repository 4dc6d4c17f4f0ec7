"""One connection: what it hears and says, and when it gives up."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import TypeVar

import pytest

from certcheck.probe.limits import ProbeError
from certcheck.probe.tcp import Tcp, dial
from tests.zoo.animals import silent
from tests.zoo.keeper import Behaviour, Visitor, kept

Thing = TypeVar("Thing")


def with_server(behaviour: Behaviour, talk: Callable[[Tcp], Awaitable[Thing]]) -> Thing:
    async def talked(port: int) -> Thing:
        tcp = await dial("127.0.0.1", port, within=2.0)
        try:
            return await talk(tcp)
        finally:
            tcp.close()

    with kept(behaviour) as place:
        return asyncio.run(talked(place.port))


def test_what_comes_while_nobody_waits_is_not_lost() -> None:
    heard = threading.Event()

    def behaviour(visitor: Visitor) -> None:
        visitor.say(b"one")
        visitor.hear()
        visitor.say(b"two")
        heard.set()
        visitor.hear()
        visitor.say(b"three")

    async def talk(tcp: Tcp) -> bytes:
        first = await tcp.recv()
        await tcp.send(b"go on\r\n")
        await asyncio.to_thread(heard.wait)
        for _ in range(3):  # the loop tells of it, and nobody listens
            await asyncio.sleep(0)
        peeked = tcp.waiting()
        second = await tcp.recv()
        await tcp.send(b"go on\r\n")
        return first + peeked + second + await tcp.recv()

    assert with_server(behaviour, talk) == b"onetwotwothree"


def test_more_than_the_kernel_takes_at_once_is_sent_whole() -> None:
    size = 8 * 1024 * 1024

    def behaviour(visitor: Visitor) -> None:
        left = size
        while left:
            left -= len(visitor.hear_bytes())
        visitor.say(b"all")

    async def talk(tcp: Tcp) -> bytes:
        await tcp.send(b"x" * size)
        return await tcp.recv()

    assert with_server(behaviour, talk) == b"all"


def test_silence_ends_at_the_deadline() -> None:
    async def talk(tcp: Tcp) -> None:
        tcp.hurry(0.05)
        with pytest.raises(TimeoutError):
            await tcp.recv()

    with_server(silent, talk)


def test_a_deadline_may_be_moved_on() -> None:
    def behaviour(visitor: Visitor) -> None:
        visitor.hear()
        visitor.say(b"late")

    async def talk(tcp: Tcp) -> bytes:
        tcp.hurry(0.02)
        with pytest.raises(TimeoutError):
            await tcp.recv()
        tcp.allow(2.0)
        await tcp.send(b"still there?\r\n")
        return await tcp.recv()

    assert with_server(behaviour, talk) == b"late"


def test_who_stops_waiting_leaves_the_connection_usable() -> None:
    def behaviour(visitor: Visitor) -> None:
        visitor.hear()
        visitor.say(b"here")

    async def talk(tcp: Tcp) -> bytes:
        waiting = asyncio.ensure_future(tcp.recv())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await tcp.send(b"anybody?\r\n")
        return await tcp.recv()

    assert with_server(behaviour, talk) == b"here"


def test_a_server_that_takes_nobody_more_is_given_up() -> None:
    with ExitStack() as full:
        listener = full.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        for _ in range(4):  # Linux answers no SYN when the queue is full
            waiting = full.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(address)

        with pytest.raises(ProbeError, match="no connection within"):
            asyncio.run(dial(*address, within=0.1))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.3", "::1"])
def test_a_closed_port_is_refused(address: str) -> None:
    with kept(silent, address) as place:
        port = place.port

    with pytest.raises(ProbeError, match="refused: the port is closed"):
        asyncio.run(dial(address, port, within=2.0))
