"""One question for many suites instead of one for each: right, or not done at all."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace

import pytest

from certcheck.iana import suites
from certcheck.model.observation import TlsVersion
from certcheck.probe.client_hello import decoded
from certcheck.probe.crossing import Answered, Crossing, Question, Trouble
from certcheck.probe.doubt import Doubt
from certcheck.probe.families import company
from certcheck.probe.grouped import Grouped
from certcheck.probe.hello import Offer, client_hello
from certcheck.probe.look import Door
from certcheck.probe.oldest import ssl2_hello
from certcheck.probe.scan_words import SUITES
from tests.zoo import records
from tests.zoo.accidents import on_bad_line, refusing_by_eof
from tests.zoo.animals import ALERT, answers_hello, silent
from tests.zoo.identities import own_context
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.manners import implicit
from tests.zoo.visit import LIMITS, NAME, door_to

TOPIC = SUITES["TLSv1.2"]
GCM, CBC, CBC256, CCM = 0x009C, 0x002F, 0x0035, 0xC09C
DHE, DHE256, ECDHE, PSK = 0x0033, 0x0039, 0xC013, 0x00A8
RSA = own_context("rsa2048", name=NAME.ascii)
RSA.set_ciphers("AES128-SHA:AES128-GCM-SHA256")
NARROW = own_context("rsa2048", name=NAME.ascii)
NARROW.set_ciphers("AES128-GCM-SHA256")
WIDE = own_context("rsa2048", name=NAME.ascii, oldest=ssl.TLSVersion.TLSv1)
WIDE.set_ciphers("AES128-SHA:@SECLEVEL=0")


Came = tuple[bytes | str, int]


class Asked:
    """What came of hellos for one suite each, and how many connections each of them took."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.doubt = Doubt()
        self.grouped = Grouped(door, self.doubt)

    def each(self, *codes: int, version: TlsVersion = "TLSv1.2") -> list[Came]:
        async def run() -> list[Came]:
            return [
                await self.one(client_hello(_offer(c, version=version)), SUITES[version])
                for c in codes
            ]

        return asyncio.run(run())

    async def one(self, hello: bytes, topic: str = TOPIC) -> Came:
        """Bytes are a refusal that others have shown, and no word of the server to this hello."""
        before = self._door.gate.connections
        asked = Crossing(self._door, self.doubt, Question(hello=hello, topic=topic))
        async with AsyncExitStack() as connection:
            said = await self.grouped.result(asked, connection)
        return _word(said), self._door.gate.connections - before


def _word(said: Answered | Trouble | bytes | None) -> bytes | str:
    if isinstance(said, Answered):
        return "taken" if said.data[:1] == b"\x16" else "refused"
    if isinstance(said, Trouble):
        return "trouble"
    return "hung up" if said is None else said


def _offer(*codes: int, version: TlsVersion = "TLSv1.2") -> Offer:
    return Offer(version=version, suites=codes, server_name=NAME.ascii)


SINGLE, ALL = (len(client_hello(_offer(*codes))) for codes in ((DHE,), company(DHE)))


@contextmanager
def asking(behaviour: Behaviour) -> Iterator[Asked]:
    with door_to("imaps", behaviour, limits=replace(LIMITS, silence=0.3)) as door:
        yield Asked(door)


def test_what_is_taken_goes_to_the_server_and_nothing_else_does() -> None:
    with asking(implicit("imap", tls=RSA)) as asked:
        assert asked.each(GCM, CBC, CBC256) == [("taken", 1), ("taken", 1), ("refused", 1)]
        assert asked.doubt.connections == 3


def test_all_that_is_unknown_is_asked_for_at_once_when_one_suite_was_refused_by_alert() -> None:
    with asking(implicit("imap", tls=RSA)) as asked:
        *taken, first, second, third = asked.each(GCM, CBC, DHE, DHE256, CCM)

    assert taken == [("taken", 1)] * 2
    assert first == ("refused", 1)  # the sample is sslyze's own
    # All, then what might hide others apart from them: RSA, DHE, anonymous DH. RSA's once more
    # beside a suite that is taken, and one of anonymous DH alone.
    assert second[1] == 1 + 3 + 2
    assert isinstance(second[0], bytes)
    assert second[0][:1] == b"\x15"
    assert third == (second[0], 0)
    assert asked.grouped.names() == {
        "TLSv1.2": ("TLS_DHE_RSA_WITH_AES_256_CBC_SHA", "TLS_RSA_WITH_AES_128_CCM")
    }


def test_a_hang_up_is_believed_when_the_rest_is_refused_so_as_often_as_ever() -> None:
    with asking(refusing_by_eof(RSA)) as asked:
        *_, first, second, third = asked.each(GCM, CBC, DHE, DHE256, CCM)

    # One for the suite, three for all, two more for each part, and the comparisons as above.
    assert first == (b"", 1 + 3 + 3 * 2 + 2)
    assert (second, third) == ((b"", 0), (b"", 0))
    assert asked.doubt.taints() == ()


def test_on_a_bad_line_more_hang_ups_are_asked_for() -> None:
    with asking(refusing_by_eof(RSA)) as asked:
        asked.doubt.bad_line = True
        *_, first = asked.each(GCM, CBC, DHE)

    assert first == (b"", 1 + 8 + 3 * 7 + 2)


def test_an_accident_at_the_first_suite_of_a_family_costs_no_suite() -> None:
    def unlucky(visitor: Visitor) -> None:
        if visitor.number > 1:
            refusing_by_eof(RSA)(visitor)
        else:
            visitor.hear_bytes()

    with asking(unlucky) as asked:
        first, second = asked.each(CBC, GCM)

    assert (first[0], second[0]) == ("taken", "taken")
    assert asked.doubt.bad_line


def test_a_server_that_hangs_up_now_and_then_but_refuses_by_alert_loses_no_suite() -> None:
    behaviour = on_bad_line(implicit("imap", tls=RSA), "eof", lambda number: number in {3, 4, 7, 9})
    with asking(behaviour) as asked:
        said = asked.each(DHE, CCM, CBC, GCM)

    assert [word for word, _ in said[2:]] == ["taken", "taken"]


def test_of_what_is_taken_in_one_version_the_other_is_asked_alone_first() -> None:
    with asking(implicit("imap", tls=WIDE)) as asked:
        asked.each(CBC)
        first, second = asked.each(DHE, CBC, version="TLSv1.1")

    assert first[0] == "refused"
    assert second == ("taken", 1)


def test_who_asks_while_all_is_asked_for_waits() -> None:
    async def run(asked: Asked) -> list[Came]:
        hellos = [client_hello(_offer(code)) for code in (DHE, DHE256, 0x0067, 0x006B)]
        return await asyncio.gather(*(asked.one(hello) for hello in hellos))

    with door_to("imaps", refusing_by_eof(RSA)) as door:
        asked = Asked(door)
        asked.each(GCM, CBC)
        said = asyncio.run(run(asked))

    assert [word for word, _ in said] == [b""] * 4
    assert door.gate.connections == 2 + 1 + 3 + 3 * 2 + 2


def without_parameters(visitor: Visitor) -> None:
    """It chooses DHE where that is offered, and finds then that it cannot do it."""
    hello = decoded(visitor.sock.recv(4096, socket.MSG_PEEK))
    if any(suites().get(code, "").startswith("TLS_DHE_") for code in hello.suites):
        visitor.hear_bytes()
    else:
        refusing_by_eof(RSA)(visitor)


@pytest.mark.parametrize("codes", [(DHE, CBC, GCM), (CBC, DHE, GCM), (CCM, GCM, DHE, CBC)])
def test_a_suite_that_the_server_cannot_do_hides_no_other_one(codes: tuple[int, ...]) -> None:
    with asking(without_parameters) as asked:
        said = dict(zip(codes, asked.each(*codes), strict=True))

    assert (said[CBC][0], said[GCM][0]) == ("taken", "taken")
    assert said[DHE][0] == b""
    assert asked.doubt.taints() == ()


def test_a_version_that_is_not_there_is_refused_at_once() -> None:
    with asking(refusing_by_eof(RSA)) as asked:
        asked.each(CBC)
        first, *others = asked.each(CBC, GCM, DHE, 0x0005, 0x0004, version="TLSv1.0")

    # One, all, three parts; a suite of two of these alone, and a large hello in TLS 1.2.
    assert first == (b"", 1 + 3 + 3 * 2 + 2 + 1)
    assert [each for _, each in others] == [0] * 4


def test_a_choice_that_nobody_offered_speaks_for_nothing() -> None:
    def behaviour(visitor: Visitor) -> None:
        hello = decoded(visitor.hear_bytes())
        visitor.say(ALERT if len(hello.suites) == 1 else records.server_hello(suite=b"\xc0\x2f"))

    with asking(behaviour) as asked:
        said = asked.each(DHE, CBC, GCM)

    assert said == [("refused", 1), ("refused", 2), ("refused", 1)]
    assert asked.grouped.names() == {}


def shy_above(size: int) -> Behaviour:
    """It refuses what is larger: one suite of ours makes SINGLE bytes, all without curves ALL."""

    def shy(visitor: Visitor) -> None:
        if len(visitor.sock.recv(4096, socket.MSG_PEEK)) <= size:
            implicit("imap", tls=RSA)(visitor)

    return shy


def shy_of_company(visitor: Visitor) -> None:
    """It refuses who offers much of one kind, and not who offers much of everything."""
    if SINGLE + 20 < len(visitor.sock.recv(4096, socket.MSG_PEEK)) <= ALL + 20:
        visitor.hear_bytes()
        visitor.say(ALERT)
    else:
        implicit("imap", tls=RSA)(visitor)


def deaf_to_many(visitor: Visitor) -> None:
    """It waits for more at what is large."""
    if len(visitor.sock.recv(4096, socket.MSG_PEEK)) < SINGLE + 20:
        implicit("imap", tls=RSA)(visitor)
    else:
        silent(visitor)


def test_who_takes_no_large_hello_is_asked_with_smaller_ones() -> None:
    with asking(shy_above(ALL - 20)) as asked:
        said = dict(zip((DHE, CCM, CBC, GCM), asked.each(DHE, CCM, CBC, GCM), strict=True))

    assert (said[CBC][0], said[GCM][0]) == ("taken", "taken")


@pytest.mark.parametrize(
    ("behaviour", "codes"),
    [
        (shy_above(SINGLE + 20), (CBC, DHE, GCM)),
        (shy_above(SINGLE + 20), (DHE, CBC, GCM)),
        (shy_of_company, (CBC, DHE, GCM)),
        (shy_of_company, (DHE, CBC, GCM)),
        (deaf_to_many, (DHE, CBC, GCM)),
        (answers_hello(b"* BAD what?\r\n"), (DHE, CBC)),
        (answers_hello(records.alert(records.FATAL, 80)), (DHE, CBC)),
        (answers_hello(records.server_hello()[:30]), (DHE, CBC)),
    ],
    ids=[
        *("shy", "shy, met late", "shy of company", "shy of company, met late", "deaf"),
        *("plain text", "internal error", "cut short"),
    ],
)
def test_what_speaks_for_no_other_suite_is_left_to_single_questions(
    behaviour: Behaviour, codes: tuple[int, ...]
) -> None:
    with asking(behaviour) as asked:
        said = dict(zip(codes, asked.each(*codes), strict=True))
        again = asked.each(*codes)

    assert not any(isinstance(word, bytes) for word, _ in (*said.values(), *again))
    assert said.get(GCM, ("taken", 0))[0] == "taken"
    assert asked.doubt.taints() == ()
    assert asked.grouped.names() == {}


@pytest.mark.parametrize(
    ("hello", "topic"),
    [
        (client_hello(_offer(DHE, DHE256)), TOPIC),
        (client_hello(_offer(DHE)), "robot"),
        (client_hello(_offer(PSK)), TOPIC),
        (client_hello(Offer(version="TLSv1.3", suites=(0x1301,))), SUITES["TLSv1.3"]),
        (ssl2_hello(), SUITES["SSLv2"]),
    ],
    ids=["two suites", "a check", "PSK", "TLS 1.3", "SSLv2"],
)
def test_other_questions_go_to_the_server(hello: bytes, topic: str) -> None:
    with asking(implicit("imap", tls=RSA)) as asked:
        asked.each(GCM, DHE)

        assert asyncio.run(asked.one(hello, topic)) in {("refused", 1), ("taken", 1)}


def test_another_alert_than_a_refusal_speaks_for_no_suite() -> None:
    def muddled(visitor: Visitor) -> None:
        codes = decoded(visitor.sock.recv(4096, socket.MSG_PEEK)).suites
        if len(codes) == 1 or GCM in codes:
            implicit("imap", tls=NARROW)(visitor)
        else:
            answers_hello(records.alert(records.FATAL, 80))(visitor)

    with asking(muddled) as asked:
        said = asked.each(GCM, DHE, CCM)

    assert [word for word, _ in said] == ["taken", "refused", "refused"]
    assert asked.grouped.names() == {}


@pytest.mark.parametrize(
    ("codes", "is_asked_for"), [((DHE, CBC, CCM), False), ((DHE, DHE256, CCM), True)]
)
def test_what_comes_in_another_kind_of_hello_only_is_not_asked_for(
    codes: tuple[int, int, int], *, is_asked_for: bool
) -> None:
    heard: list[tuple[int, ...]] = []

    def behaviour(visitor: Visitor) -> None:
        heard.append(decoded(visitor.hear_bytes()).suites)
        visitor.say(ALERT)

    with asking(behaviour) as asked:
        for code, group in zip(codes, (23, 24, 24), strict=True):
            asyncio.run(asked.one(client_hello(replace(_offer(code), groups=(group,)))))

    assert heard[:2] == [codes[:1], codes[1:2]]
    assert {CBC, CCM, GCM} <= {*heard[2]}
    assert (DHE in heard[2]) == is_asked_for


def test_who_has_waited_too_long_gets_no_answer_that_sslyze_misreads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("certcheck.probe.grouped._PATIENCE", 0.2)

    with asking(deaf_to_many) as asked:
        first, second, third = asked.each(DHE, CCM, CBC)

    assert first == ("refused", 1)
    assert second[0] == "trouble"
    assert third == ("taken", 1)


def test_a_strange_answer_to_one_suite_is_sslyzes_and_the_server_is_not_asked_again() -> None:
    with asking(answers_hello(records.alert(records.FATAL, 80))) as asked:
        assert asked.each(DHE, CBC) == [("refused", 1)] * 2
        assert asked.grouped.is_off


def test_a_signal_among_the_suites_stays_in_the_hello_for_many() -> None:
    heard: list[bytes] = []

    def behaviour(visitor: Visitor) -> None:
        heard.append(visitor.hear_bytes())
        visitor.say(ALERT)

    with asking(behaviour) as asked:
        asyncio.run(asked.one(client_hello(_offer(DHE, 0x00FF))))
        asyncio.run(asked.one(client_hello(_offer(DHE256, 0x00FF))))

    assert b"\x00\x33" in heard[1]
    assert b"\x00\x39" in heard[1]
    assert b"\x00\xff\x01\x00" in heard[1]  # the last suite, then the compression


def test_hellos_that_differ_in_more_than_we_know_are_not_grouped() -> None:
    offers = (replace(_offer(DHE256), groups=(group,)) for group in range(0x0010, 0x0020))
    with asking(implicit("imap", tls=RSA)) as asked:
        said = [asyncio.run(asked.one(client_hello(offer))) for offer in offers]
        known = asyncio.run(asked.one(client_hello(replace(_offer(DHE), groups=(0x0010,)))))

    assert said == [("refused", 1)] * 16
    assert known == ("refused", 1)
