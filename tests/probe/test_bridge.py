import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from certcheck.probe.bridge import Bridge, bridged
from certcheck.probe.doubt import Doubt
from certcheck.probe.hello import Offer, client_hello
from certcheck.probe.look import Door
from certcheck.probe.oldest import oldest_versions, ssl2_hello, ssl3_hello
from tests.zoo.animals import (
    ALERT,
    answers_hello,
    closes_after_hello,
    endless,
    resets_after_hello,
    says,
    silent,
)
from tests.zoo.identities import own_context
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.manners import implicit, server
from tests.zoo.visit import LIMITS, NAME, door_to

POISON = b"\x15\x03\x00\x00\x02\x02\x31"


@contextmanager
def imaps(behaviour: Behaviour) -> Iterator[Door]:
    with door_to("imaps", behaviour, limits=replace(LIMITS, timeout=0.4)) as door:
        yield door


def connect(token: str) -> bytes:
    shown = base64.b64encode(f"robot:{token}".encode())
    return b"CONNECT mail:1 HTTP/1.1\r\nProxy-Authorization: Basic " + shown + b"\r\n\r\n"


async def ask(bridge: Bridge, *data: bytes, token: str | None = None) -> bytes:
    """Everything that comes back from the bridge for a CONNECT and then these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
    writer.write(connect(token or bridge.token))
    for each in data:
        writer.write(each)
        await writer.drain()
    if not data:
        writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return answer.partition(b"\r\n\r\n")[2] if answer.startswith(b"HTTP/1.1 200") else answer


def crossed(door: Door, doubt: Doubt, *data: bytes, token: str | None = None) -> bytes:
    async def run() -> bytes:
        async with bridged(door, doubt) as bridge:
            return await ask(bridge, *data, token=token)

    return asyncio.run(run())


def test_who_is_still_there_at_the_end_is_hung_up_on() -> None:
    async def run(door: Door) -> bytes:
        async with bridged(door, Doubt()) as bridge:
            reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
            writer.write(connect(bridge.token))
            await reader.readuntil(b"\r\n\r\n")
        rest = await asyncio.wait_for(reader.read(), 2)
        writer.close()
        await writer.wait_closed()
        return rest

    with imaps(silent) as door:
        assert asyncio.run(run(door)) == b""


def test_a_stranger_is_turned_away() -> None:
    doubt = Doubt()
    with imaps(silent) as door:
        answer = crossed(door, doubt, ssl3_hello(), token="guess")

    assert answer.startswith(b"HTTP/1.1 407")
    assert doubt.connections == 0


def test_nobody_is_dialled_without_a_hello() -> None:
    doubt = Doubt()
    with imaps(silent) as door:
        answer = crossed(door, doubt)

    assert (answer, doubt.connections, doubt.taints()) == (b"", 0, ())


def test_an_alert_passes_at_once() -> None:
    doubt = Doubt()

    def behaviour(visitor: Visitor) -> None:
        visitor.hear_bytes()
        visitor.say(ALERT)

    with imaps(behaviour) as door:
        answer = crossed(door, doubt, ssl3_hello())

    assert (answer, doubt.connections, doubt.taints()) == (ALERT, 1, ())


def test_the_dialogue_is_held_before_the_hello() -> None:
    doubt = Doubt()
    with door_to("sieve", server("sieve")) as door:
        answer = crossed(door, doubt, ssl3_hello())

    assert answer[:1] == b"\x15"
    assert (doubt.connections, doubt.taints()) == (1, ())


def test_a_hang_up_is_a_refusal_when_it_comes_each_time() -> None:
    doubt = Doubt()
    with imaps(closes_after_hello) as door:
        answer = crossed(door, doubt, ssl3_hello())

    assert (answer, doubt.connections, doubt.taints()) == (b"", 3, ())


def test_a_hang_up_from_a_server_that_refuses_by_alert_is_no_refusal() -> None:
    doubt = Doubt()
    doubt.learn(b"\x03\x00", hang_ups=0, by_alert=True)
    with imaps(closes_after_hello) as door:
        answer = crossed(door, doubt, ssl3_hello())

    assert answer == POISON
    assert doubt.taints()


def test_refusals_on_a_bad_line_need_more_proof() -> None:
    doubt = Doubt(bad_line=True)
    with imaps(closes_after_hello) as door:
        crossed(door, doubt, ssl3_hello())

    assert (doubt.connections, doubt.taints()) == (8, ())


def test_refusals_before_an_accident_stay_in_doubt() -> None:
    doubt = Doubt()
    doubt.is_refusal(b"\x03\x03", 3)
    doubt.learn(b"\x03\x03", hang_ups=1, by_alert=False)

    assert any("by accident" in taint for taint in doubt.taints())


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        (resets_after_hello, "resets the connection"),
        (silent, "stays silent"),
        (answers_hello(b"* OK zoo\r\n"), "does not answer in TLS: * OK zoo"),
    ],
)
def test_what_is_no_answer_is_poison_and_taint(behaviour: Behaviour, text: str) -> None:
    doubt = Doubt()
    with imaps(behaviour) as door:
        answer = crossed(door, doubt, ssl3_hello())

    assert answer == POISON
    assert any(text in taint for taint in doubt.taints())


def test_ssl2_cannot_be_poisoned_and_is_tainted() -> None:
    doubt = Doubt()
    with imaps(silent) as door:
        answer = crossed(door, doubt, ssl2_hello())

    assert answer == b""
    assert doubt.taints()


def test_421_is_asked_once_more_and_stops_the_address() -> None:
    doubt = Doubt()
    with door_to("smtp", says(b"421 too many\r\n")) as door:
        answer = crossed(door, doubt, ssl3_hello())
        stopped = door.gate.stopped(door.address)

    assert answer == POISON
    assert stopped is not None
    assert doubt.connections == 2
    assert any("421 too many" in taint for taint in doubt.taints())


def test_a_dead_server_is_dialled_again_then_tainted() -> None:
    doubt = Doubt()
    with imaps(silent) as door:
        pass
    answer = crossed(door, doubt, ssl3_hello())

    assert answer == POISON
    assert (doubt.connections, len(doubt.taints())) == (4, 1)


def says_and_goes(data: bytes) -> Behaviour:
    return lambda visitor: visitor.say(data)


def hello_then(behaviour: Behaviour) -> Behaviour:
    def hostile(visitor: Visitor) -> None:
        visitor.hear_bytes()
        behaviour(visitor)

    return hostile


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        (endless(b"", b"\x16\x03\x00\x00\x04\x00\x00\x00\x00" * 100), "more than"),
        (says(b"\x16\x03\x00\x00\x7a\x02"), "stalls"),
        (says_and_goes(b"\x16\x03\x00\x00\x04\x02\x00\x00\x20"), "breaks"),
        (says(b"\x16\x03\x00\x00\x04\x0b\x02\x00\x00"), "more than"),
    ],
    ids=["endless", "stalls", "breaks off", "huge certificate"],
)
def test_trouble_in_mid_handshake_is_a_taint(behaviour: Behaviour, text: str) -> None:
    doubt = Doubt()
    with imaps(hello_then(behaviour)) as door:
        crossed(door, doubt, ssl3_hello())

    assert any(text in taint for taint in doubt.taints())


def test_hopeless_scans_ask_no_more() -> None:
    doubt = Doubt()
    for _ in range(10):
        doubt.taint("lost")
    with imaps(Visitor.reset) as door:
        crossed(door, doubt, ssl3_hello())

    assert doubt.connections == 1


def test_an_accident_is_asked_again() -> None:
    doubt = Doubt()

    def behaviour(visitor: Visitor) -> None:
        visitor.hear_bytes()
        if visitor.number > 1:
            visitor.say(ALERT)

    with imaps(behaviour) as door:
        answer = crossed(door, doubt, ssl3_hello())

    assert (answer, doubt.connections, doubt.bad_line) == (ALERT, 2, True)


SERVER_HELLO_3 = b"\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00" + bytes(36)
SERVER_HELLO_2 = b"\x80\x0b\x04\x00\x01\x00\x02\x00\x00\x00\x00\x00\x00"


@pytest.mark.parametrize(
    ("answer", "versions"),
    [(SERVER_HELLO_2, ("SSLv2",)), (SERVER_HELLO_3, ("SSLv3",)), (ALERT, ())],
)
def test_the_oldest_versions_are_asked_by_hand(answer: bytes, versions: tuple[str, ...]) -> None:
    def behaviour(visitor: Visitor) -> None:
        hello = visitor.hear_bytes()
        fits = (hello[0] & 0x80) == (answer[0] & 0x80)
        visitor.say(answer if fits else ALERT)

    with imaps(behaviour) as door:
        old = asyncio.run(oldest_versions(door))

    assert (old.versions, old.doubts, old.connections) == (versions, (), 2)


@pytest.mark.parametrize("steps", range(12))
def test_what_the_last_connection_showed_counts_however_soon_all_is_over(steps: int) -> None:
    tls = own_context("rsa2048", name=NAME.ascii)
    tls.set_ciphers("AES128-SHA")
    hello = client_hello(Offer(version="TLSv1.2", suites=(0x002F,)))
    doubt = Doubt()

    async def run(door: Door) -> None:
        async with bridged(door, doubt) as bridge:
            reader, writer = await asyncio.open_connection("127.0.0.1", bridge.port)
            writer.write(connect(bridge.token) + hello)
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(1)  # the server's hello is there
            writer.transport.abort()
            for _ in range(steps):
                await asyncio.sleep(0)

    with imaps(implicit("imap", tls=tls)) as door:
        asyncio.run(run(door))

    assert doubt.tally.suites == {"TLSv1.2": {b"\x00\x2f"}}
