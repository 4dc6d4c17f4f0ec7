"""How a server that asks to be left alone is left alone, and how many connections it gets."""

import asyncio
import functools
import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

from certcheck.model.endpoint import Scheme
from certcheck.model.observation import Observation
from certcheck.probe.crossing import Question, Trouble, answered
from certcheck.probe.doubt import Doubt
from certcheck.probe.limits import Gate, Limits, Missed
from certcheck.probe.look import Door
from certcheck.probe.observe import Depth, observed
from certcheck.probe.oldest import ssl3_hello
from tests.probe.looking import LIMITS, NOW, look
from tests.zoo.animals import ALERT, answers_hello, says
from tests.zoo.keeper import Place, Visitor, kept
from tests.zoo.manners import SMTP, implicit, server
from tests.zoo.visit import at, door_to

TCP_ESTABLISHED = 1  # tcp(7), TCP_INFO: the first byte is the state


def test_421_is_asked_once_more_and_stops_the_address() -> None:
    gate = Gate(LIMITS)
    first = look("smtp", says(b"421 too many connections\r\n"), gate=gate)
    second = look("smtp", server("smtp"), gate=gate)

    assert (first.attempts, first.connections) == (2, 2)
    assert (second.reason, second.connections) == ("rate_limited", 0)
    assert "421 too many connections" in second.detail


def test_a_busy_server_that_recovers_is_seen() -> None:
    def behaviour(visitor: Visitor) -> None:
        (says(b"421 busy\r\n") if visitor.number == 1 else server("smtp"))(visitor)

    seen = look("smtp", behaviour)

    assert (seen.outcome, seen.attempts) == ("seen", 2)


def test_while_one_port_backs_off_the_others_wait_for_its_verdict() -> None:
    told = threading.Event()

    def busy(visitor: Visitor) -> None:
        says(b"421 busy\r\n")(visitor)
        told.set()  # the client has heard it and is gone

    with kept(busy) as first, kept(implicit("imap")) as second:
        waiting, refused = asyncio.run(both(first, second, told))

        assert (first.count(), second.count()) == (2, 0)
    assert (refused.reason, refused.attempts) == ("rate_limited", 2)
    assert (waiting.reason, waiting.connections) == ("rate_limited", 0)


def test_the_others_go_on_when_the_slow_try_succeeds() -> None:
    told = threading.Event()

    def busy_once(visitor: Visitor) -> None:
        (says(b"421 busy\r\n") if visitor.number == 1 else server("smtp"))(visitor)
        told.set()

    with kept(busy_once) as first, kept(implicit("imap")) as second:
        seen = asyncio.run(both(first, second, told))

    assert [each.outcome for each in seen] == ["seen", "seen"]


def test_one_dropped_connection_is_no_verdict() -> None:
    def behaviour(visitor: Visitor) -> None:
        if visitor.number > 1:
            implicit("imap")(visitor)

    seen = look("imaps", behaviour)

    assert (seen.outcome, seen.attempts) == ("seen", 2)


def test_421_inside_tls_stops_the_address() -> None:
    gate = Gate(LIMITS)
    seen = look("submissions", implicit("smtp", {"greeting": b"421 too many\r\n"}), gate=gate)

    assert seen.outcome == "seen"
    assert gate.stopped("127.0.0.1") is not None
    assert any("421 too many" in doubt for doubt in seen.doubts)


def test_421_inside_tls_that_passes_is_forgotten() -> None:
    def behaviour(visitor: Visitor) -> None:
        answers = {"greeting": b"421 busy\r\n"} if visitor.number == 1 else {}
        implicit("smtp", answers)(visitor)

    gate = Gate(LIMITS)
    seen = look("submissions", behaviour, gate=gate)

    assert (seen.outcome, seen.attempts, seen.doubts) == ("seen", 2, ())
    assert gate.stopped("127.0.0.1") is None
    assert seen.connections == gate.connections


def test_a_handshake_is_not_lost_to_the_slow_try() -> None:
    def behaviour(visitor: Visitor) -> None:
        if visitor.number == 1:
            implicit("smtp", {"greeting": b"421 busy\r\n"})(visitor)

    seen = look("submissions", behaviour)

    assert seen.outcome == "seen"
    assert any("421 busy" in doubt for doubt in seen.doubts)


@pytest.mark.parametrize("depth", ["keys", "certificates", "quick"])
@pytest.mark.parametrize("scheme", ["smtp", "submissions"])
def test_nobody_else_begins_before_the_server_has_greeted_us(scheme: Scheme, depth: Depth) -> None:
    tired = {"greeting": b"421 too many\r\n"}
    gate = Gate(LIMITS)
    behaviour = server("smtp", tired) if scheme == "smtp" else implicit("smtp", tired)

    look(scheme, behaviour, gate=gate, depth=depth)

    assert gate.connections == 2


@pytest.mark.parametrize(("answer", "tries"), [(ALERT, 1), (b"", 3)])
def test_nobody_else_begins_before_the_server_has_shaken_hands(answer: bytes, tries: int) -> None:
    def refuses(visitor: Visitor) -> None:
        visitor.hear_bytes()
        visitor.say(answer)

    seen = look("imap", server("imap", tls=refuses), depth="certificates")

    assert (seen.outcome, seen.attempts, seen.connections) == ("tls_failed", tries, tries)


def test_who_turns_away_all_but_the_first_is_seen_and_stopped() -> None:
    def behaviour(visitor: Visitor) -> None:
        (server("smtp") if visitor.number == 1 else says(b"421 one is enough\r\n"))(visitor)

    gate = Gate(LIMITS)
    seen = look("smtp", behaviour, gate=gate, depth="certificates")

    assert (seen.outcome, len(seen.deployments)) == ("seen", 1)
    assert any("421 one is enough" in doubt for doubt in seen.doubts)
    assert gate.stopped("127.0.0.1") is not None
    assert gate.connections <= 1 + LIMITS.per_host + 1  # one slow try for all of them


def test_who_takes_one_at_a_time_is_asked_one_at_a_time() -> None:
    inside = threading.Semaphore(1)

    def behaviour(visitor: Visitor) -> None:
        if not inside.acquire(blocking=False):
            says(b"421 one at a time\r\n")(visitor)
            return
        with ExitStack() as visit:
            visit.callback(inside.release)

            def leaves(_: Visitor) -> None:
                visit.close()  # whose goodbye is answered counts no more
                visitor.say(b"221 bye\r\n")

            server("smtp", inside={"QUIT": leaves})(visitor)

    gate = Gate(replace(LIMITS, per_host=1))
    seen = look("smtp", behaviour, gate=gate, depth="certificates")

    assert (seen.outcome, seen.doubts) == ("seen", ())
    assert {each.server_name for each in seen.deployments} == {"mail.example.test", None}
    assert gate.connections == 6  # none of them was turned away


@pytest.mark.parametrize("allowed", [1, 3])
def test_no_more_connections_than_allowed_at_a_time(allowed: int) -> None:
    gate = Gate(Limits(per_host=allowed, timeout=1.0))
    lock, visitors, most = threading.Lock(), list[socket.socket](), 0

    def behaviour(visitor: Visitor) -> None:
        nonlocal most
        with visitor.sock.dup() as sock:
            with lock:
                visitors.append(sock)
                most = max(most, sum(map(_is_open, visitors)))
            try:
                implicit("imap")(visitor)
            finally:
                with lock:
                    visitors.remove(sock)

    seen = look("imaps", behaviour, gate=gate)

    assert seen.outcome == "seen"
    assert gate.connections == seen.connections
    assert most <= allowed


def _is_open(sock: socket.socket) -> bool:
    # By the kernel's word, as a thread of the server may outlive its client for a moment.
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_ESTABLISHED


async def both(first: Place, second: Place, told: threading.Event) -> list[Observation]:
    """An IMAPS port asked while an SMTP port at the same address backs off; then that one."""
    ask = functools.partial(
        observed, depth="quick", gate=Gate(LIMITS), limits=LIMITS, at=NOW, address="127.0.0.1"
    )
    backing_off = asyncio.create_task(ask(at(first, "smtp"), number=1))
    await asyncio.to_thread(told.wait)
    return [await ask(at(second, "imaps"), number=2), await backing_off]


def test_421_instead_of_tls_stops_a_scan() -> None:
    # As Exim does on port 465.
    doubt = Doubt()
    with door_to("submissions", answers_hello(b"421 too many\r\n")) as door:
        answer = asyncio.run(answered(door, doubt, Question(hello=ssl3_hello())))
        stopped = door.gate.stopped(door.address)

    assert isinstance(answer, Trouble)
    assert (answer.kind, "421 too many" in answer.text) == ("no connection", True)
    assert doubt.connections == 2
    assert stopped is not None
    assert stopped.reason == "rate_limited"


@pytest.mark.parametrize("scheme", ["smtp", "submissions"])
def test_a_server_that_is_slow_to_forget_clients_is_asked_slowly(scheme: Scheme) -> None:
    # As Exim is: it takes 20 clients at a time, and one that it refused counts for 0.5 s more.
    places = threading.Semaphore(6)

    def crowded(visitor: Visitor) -> None:
        if not places.acquire(blocking=False):
            says(b"421 too many\r\n")(visitor)
            return
        try:
            (server("smtp", tls=refuses) if scheme == "smtp" else refuses)(visitor)
        finally:
            places.release()

    def refuses(visitor: Visitor) -> None:
        visitor.hear_bytes()
        visitor.say(ALERT)
        visitor.closing.wait(0.05)

    async def scan(door: Door) -> list[bytes | Trouble | None]:
        asked = (answered(door, doubt, Question(hello=ssl3_hello())) for _ in range(30))
        return list(await asyncio.gather(*asked))

    doubt = Doubt()
    with door_to(scheme, crowded) as door:
        answers = asyncio.run(scan(door))

        assert door.gate.is_slow(door.address)

    assert (answers, doubt.taints()) == ([ALERT] * 30, ())


def test_a_slow_scan_waits_for_no_server_for_ever() -> None:
    doubt = Doubt()
    with door_to("submissions", answers_hello(ALERT)) as door:
        asyncio.run(door.gate.slow_down(door.address))
        started = time.monotonic()
        answer = asyncio.run(answered(door, doubt, Question(hello=ssl3_hello())))
        took = time.monotonic() - started

    assert (answer, doubt.taints()) == (ALERT, ())
    assert took < 2


def test_a_slow_greeting_leaves_time_for_the_rest() -> None:
    def behaviour(visitor: Visitor) -> None:
        visitor.closing.wait(0.6)
        server("smtp", {"EHLO": slowly})(visitor)

    def slowly(visitor: Visitor) -> None:
        visitor.closing.wait(0.6)
        visitor.say(SMTP)

    seen = look("smtp", behaviour)  # each of them within the time-out of 1 s, not both

    assert (seen.outcome, seen.doubts) == ("seen", ())


def test_all_addresses_of_a_host_stop_together() -> None:
    gate = Gate(LIMITS, {"127.0.0.1": "mail", "::1": "mail"})
    look("smtp", says(b"421 too many connections\r\n"), gate=gate)
    other = look("smtp", server("smtp"), address="::1", gate=gate)
    stranger = look("smtp", server("smtp"), address="127.0.0.3", gate=gate)

    assert (other.reason, other.connections) == ("rate_limited", 0)
    assert stranger.outcome == "seen"


def test_a_host_s_addresses_share_its_connections() -> None:
    async def run() -> int:
        gate = Gate(Limits(per_host=2), {"192.0.2.1": "mail", "192.0.2.2": "mail"})
        return await most_at_once(gate, "192.0.2.1", "192.0.2.2")

    assert asyncio.run(run()) == 2


def test_all_hosts_share_the_connections_of_this_one() -> None:
    async def run() -> int:
        gate = Gate(Limits(in_all=3))
        return await most_at_once(gate, *(f"192.0.2.{number}" for number in range(9)))

    assert asyncio.run(run()) == 3


def test_a_gate_forgets_hosts_that_nobody_asks() -> None:
    async def run() -> tuple[int, int]:
        gate, during = Gate(Limits()), 0
        for number in range(100):
            async with gate.admitted(f"192.0.2.{number}"):
                during = len(gate._hosts)
        gate.stop("192.0.2.1", Missed(reason="bye", detail="go"))
        async with gate.admitted("192.0.2.2"):
            pass
        return during, len(gate._hosts)

    assert asyncio.run(run()) == (1, 1)


async def most_at_once(gate: Gate, *addresses: str) -> int:
    """How many of four connections to each address the gate let through together."""
    now = most = 0

    async def one(address: str) -> None:
        nonlocal now, most
        async with gate.admitted(address):
            now += 1
            most = max(most, now)
            for _ in range(5):
                await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(one(address) for address in addresses * 4))
    return most
