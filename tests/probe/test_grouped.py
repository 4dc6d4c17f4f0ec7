"""One question for a family of suites instead of one for each: right, or not done at all."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from certcheck.iana import is_new, suites
from certcheck.probe.doubt import Doubt
from certcheck.probe.families import families, parts, wholes
from certcheck.probe.grouped import Grouped
from certcheck.probe.hello import Offer, client_hello
from certcheck.probe.look import Door
from certcheck.probe.oldest import ssl2_hello
from certcheck.probe.scan_words import SUITES
from tests.zoo import records
from tests.zoo.accidents import refusing_by_eof
from tests.zoo.animals import ALERT, answers_hello, silent
from tests.zoo.identities import own_context
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.manners import implicit
from tests.zoo.visit import LIMITS, NAME, door_to

TOPIC = SUITES["TLSv1.2"]
GCM, CBC, CBC256, CCM = 0x009C, 0x002F, 0x0035, 0xC09C
DHE, DHE256 = 0x0033, 0x0039
RSA = own_context("rsa2048", name=NAME.ascii)
RSA.set_ciphers("AES128-SHA:AES128-GCM-SHA256")


class Asked:
    """What came of hellos for one suite each, and how many connections each of them took."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.doubt = Doubt()
        self.grouped = Grouped(door, self.doubt)

    def refusals(self, *codes: int) -> list[tuple[bytes | None, int]]:
        async def run() -> list[tuple[bytes | None, int]]:
            return [await self._one(client_hello(_offer(code)), TOPIC) for code in codes]

        return asyncio.run(run())

    def refusal(self, hello: bytes, topic: str = TOPIC) -> tuple[bytes | None, int]:
        return asyncio.run(self._one(hello, topic))

    async def _one(self, hello: bytes, topic: str) -> tuple[bytes | None, int]:
        before = self._door.gate.connections
        said = await self.grouped.refusal(hello, topic)
        return said, self._door.gate.connections - before


def _offer(*codes: int) -> Offer:
    return Offer(version="TLSv1.2", suites=codes, server_name=NAME.ascii)


@contextmanager
def asking(behaviour: Behaviour) -> Iterator[Asked]:
    with door_to("imaps", behaviour, limits=replace(LIMITS, silence=0.3)) as door:
        yield Asked(door)


def test_every_old_suite_has_a_family_and_no_two_families_share_one() -> None:
    old = [code for code in suites() if not is_new(code)]

    with_groups, others = parts()

    for families_ in ((*with_groups, *others), wholes()):
        assert sorted(code for family in families_ for code in family) == sorted(old)
    for code in old:
        wide, narrow = families(code)
        assert code in narrow
        assert set(narrow) <= set(wide)


def test_a_suite_of_tls_1_3_has_no_family() -> None:
    assert families(0x1301) == ()


def test_a_family_that_is_refused_by_alert_is_asked_for_once_and_sampled() -> None:
    with asking(implicit("imap", tls=RSA)) as asked:
        first, second = asked.refusals(DHE, DHE256)

    # The family, the large hello, the sample; then nothing more.
    assert (first[1], second[1]) == (3, 0)
    assert first[0] == second[0]
    assert first[0] is not None
    assert first[0][:1] == b"\x15"
    assert asked.grouped.names() == {
        "TLSv1.2": ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", "TLS_DHE_RSA_WITH_AES_256_CBC_SHA")
    }


def test_a_family_that_is_refused_by_a_hang_up_is_confirmed_and_sampled() -> None:
    with asking(refusing_by_eof(RSA)) as asked:
        first, second = asked.refusals(DHE, DHE256)

    assert (first, second) == ((b"", 5), (b"", 0))
    assert asked.doubt.taints() == ()


def test_suites_of_a_family_that_is_taken_go_to_the_server() -> None:
    with asking(implicit("imap", tls=RSA)) as asked:
        first, second, third = asked.refusals(CBC, CBC256, CCM)

    assert (first, second[0]) == ((None, 1), None)
    assert third[0] is not None  # RSA is taken, but nothing of CCM
    assert asked.grouped.names() == {"TLSv1.2": ("TLS_RSA_WITH_AES_128_CCM",)}


def test_who_asks_for_a_family_while_it_is_asked_for_waits() -> None:
    async def run(asked: Asked) -> list[bytes | None]:
        hellos = [client_hello(_offer(code)) for code in (DHE, DHE256, 0x0067, 0x006B)]
        return await asyncio.gather(*(asked.grouped.refusal(h, TOPIC) for h in hellos))

    with door_to("imaps", refusing_by_eof(RSA)) as door:
        said = asyncio.run(run(Asked(door)))

    assert said == [b""] * 4
    assert door.gate.connections == 5


def shy(visitor: Visitor) -> None:
    """It refuses what is large."""
    if len(visitor.sock.recv(4096, socket.MSG_PEEK)) < 600:
        implicit("imap", tls=RSA)(visitor)


def shy_of_company(visitor: Visitor) -> None:
    """It refuses who offers much of one kind, and not who offers much of everything."""
    many = 250 < len(visitor.sock.recv(4096, socket.MSG_PEEK)) < 600
    if many:
        visitor.hear_bytes()
        visitor.say(ALERT)
    else:
        implicit("imap", tls=RSA)(visitor)


def deaf_to_many(visitor: Visitor) -> None:
    """It waits for more at what is large."""
    if len(visitor.sock.recv(4096, socket.MSG_PEEK)) < 200:
        implicit("imap", tls=RSA)(visitor)
    else:
        silent(visitor)


@pytest.mark.parametrize(
    ("behaviour", "codes"),
    [
        (shy, (DHE, CBC)),
        (shy_of_company, (CBC, GCM)),
        (deaf_to_many, (DHE, CBC)),
        (answers_hello(b"* BAD what?\r\n"), (DHE, CBC)),
        (answers_hello(records.alert(records.FATAL, 80)), (DHE, CBC)),
        (answers_hello(records.server_hello()[:30]), (DHE, CBC)),
    ],
    ids=["shy", "shy of company", "deaf", "plain text", "internal error", "cut short"],
)
def test_what_speaks_for_no_family_is_left_to_single_questions(
    behaviour: Behaviour, codes: tuple[int, int]
) -> None:
    with asking(behaviour) as asked:
        first, second = asked.refusals(*codes)

    assert first[0] is None
    assert second == (None, 0)  # and no family is asked for any more
    assert asked.doubt.taints() == ()
    assert asked.grouped.names() == {}


@pytest.mark.parametrize(
    ("hello", "topic"),
    [
        (client_hello(_offer(DHE, DHE256)), TOPIC),
        (client_hello(_offer(DHE)), "robot"),
        (client_hello(Offer(version="TLSv1.3", suites=(0x1301,))), SUITES["TLSv1.3"]),
        (ssl2_hello(), SUITES["SSLv2"]),
    ],
    ids=["two suites", "a check", "TLS 1.3", "SSLv2"],
)
def test_other_questions_are_none_of_a_familys(hello: bytes, topic: str) -> None:
    with asking(implicit("imap", tls=RSA)) as asked:
        assert asked.refusal(hello, topic) == (None, 0)


def test_a_signal_among_the_suites_stays_in_the_hello_for_the_family() -> None:
    heard: list[bytes] = []

    def behaviour(visitor: Visitor) -> None:
        heard.append(visitor.hear_bytes())
        visitor.say(ALERT)

    with asking(behaviour) as asked:
        asked.refusal(client_hello(_offer(DHE, 0x00FF)))

    assert b"\x00\x33" in heard[0]
    assert b"\x00\x39" in heard[0]
    assert b"\x00\xff\x01\x00" in heard[0]  # the last suite, then the compression


def test_hellos_that_differ_in_more_than_we_know_are_not_grouped() -> None:
    offers = (replace(_offer(DHE), groups=(group,)) for group in range(0x0010, 0x0020))
    with asking(implicit("imap", tls=RSA)) as asked:
        said = [asked.refusal(client_hello(offer))[0] for offer in offers]

    assert None not in said[:4]
    assert set(said[4:]) == {None}
