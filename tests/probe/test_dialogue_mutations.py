"""Whole dialogues whose server says nearly the right thing, or anything at all."""

import asyncio
import re
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certcheck.model.endpoint import Protocol
from certcheck.probe.dialogue import SCRIPTS, go_ahead, greeting
from certcheck.probe.limits import ProbeError
from certcheck.probe.wire import Wire
from tests.probe.test_dialogue_property import GO, Pipe, _cut
from tests.zoo.manners import INSIDE, OUTSIDE

PROTOCOLS: tuple[Protocol, ...] = ("imap", "lmtp", "pop3", "sieve", "smtp")
# What a mutation may put between the lines: words of all protocols, in bad places.
CRUMBS = (
    *(b"\r\n", b"* BYE x\r\n", b"* 3 EXISTS\r\n", b"421 x\r\n", b"221 x\r\n", b"-ERR x\r\n"),
    *(
        b"{3}\r\nabc",
        b"* X {5+}\r\nc1 OK\r\n",
        b"{99999999}\r\n",
        b"\0\xff\x1b[2J\r\n",
        b"+ go\r\n",
    ),
    *(b"220 go\r\n", b"s1 OK go\r\n", b"OK\r\n", b"+OK\r\n", b"\x16\x03\x01\x00\x05", b".\r\n"),
    *(b"x" * 9000, b"250-x\r\n", b"c1 OK [CAPABILITY STARTTLS]\r\n", b"NO (TRYLATER)\r\n", b"\r"),
)
PRINTABLE = re.compile(r"[ -~]*")


def _lines(answers: Mapping[str, object]) -> list[bytes]:
    said = b"".join(answer for answer in answers.values() if isinstance(answer, bytes))
    return said.splitlines(keepends=True)


Mutation = Callable[[list[bytes]], list[bytes]]


def _at(lines: list[bytes], place: int) -> int:
    return place % max(len(lines), 1)


def _without(place: int) -> Mutation:
    return lambda lines: [x for at, x in enumerate(lines) if at != _at(lines, place)]


def _twice(place: int) -> Mutation:
    return lambda lines: [*lines[: _at(lines, place) + 1], *lines[_at(lines, place) :]]


def _swapped(place: int) -> Mutation:
    def mutated(lines: list[bytes]) -> list[bytes]:
        at = _at(lines, place)
        return [*lines[:at], *reversed(lines[at : at + 2]), *lines[at + 2 :]]

    return mutated


def _flipped(place: int, bit: int) -> Mutation:
    def mutated(lines: list[bytes]) -> list[bytes]:
        data = bytearray(b"".join(lines))
        if data:
            data[place % len(data)] ^= 1 << bit
        return bytes(data).splitlines(keepends=True)

    return mutated


def _crumbled(place: int, crumb: bytes) -> Mutation:
    def mutated(lines: list[bytes]) -> list[bytes]:
        at = place % (len(lines) + 1)
        return [*lines[:at], crumb, *lines[at:]]

    return mutated


def _ended(place: int) -> Mutation:
    def mutated(lines: list[bytes]) -> list[bytes]:
        data = b"".join(lines)
        return [data[: place % (len(data) + 1)]]

    return mutated


places = st.integers(0, 400)
mutations = st.one_of(
    st.builds(_without, places),
    st.builds(_twice, places),
    st.builds(_swapped, places),
    st.builds(_flipped, places, st.integers(0, 7)),
    st.builds(_crumbled, places, st.sampled_from(CRUMBS)),
    st.builds(_ended, places),
)
cuts = st.lists(places, max_size=8)


async def _outside(protocol: Protocol, pipe: Pipe, wire: Wire) -> bool:
    script = SCRIPTS[protocol]("192.0.2.7")
    try:
        said = await greeting(script, wire)
        await go_ahead(script, said, tcp=pipe, wire=wire)  # type: ignore[arg-type]  # only peeked
    except ProbeError:
        return False
    return True


async def _inside(protocol: Protocol, wire: Wire, *, greets: bool) -> None:
    script = SCRIPTS[protocol]("192.0.2.7")
    for step in (script.greet if greets else script.ask_inside, script.ask, script.leave):
        try:
            await step(wire)
        except ProbeError:
            continue  # the next one must not mind


def _mutated(right: list[bytes], changes: list[Mutation]) -> bytes:
    for change in changes:
        right = change(right)
    return b"".join(right)


def _is_shown_safely(wire: Wire) -> bool:
    return all(PRINTABLE.fullmatch(line) and len(line) < 300 for line in wire.transcript)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=300)
@given(changes=st.lists(mutations, min_size=1, max_size=5), cuts=cuts)
def test_a_mutated_session_reaches_tls_by_a_go_ahead_only(
    protocol: Protocol, changes: list[Mutation], cuts: list[int]
) -> None:
    pipe = Pipe(_cut(_mutated(_lines(OUTSIDE[protocol]), changes), cuts))
    wire = Wire(pipe, [])

    gone_ahead = asyncio.run(asyncio.wait_for(_outside(protocol, pipe, wire), 5))

    assert _is_shown_safely(wire)
    if gone_ahead:
        assert wire.last_line.upper().startswith(GO[protocol].upper())
        assert re.fullmatch(rb"(s1 )?(STARTTLS|STLS)\r\n", pipe.sent[-1])
        assert wire.unread() + pipe.waiting() == b""


@pytest.mark.parametrize("greets", [True, False])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(changes=st.lists(mutations, min_size=1, max_size=5), cuts=cuts)
def test_a_mutated_talk_inside_tls_ends(
    protocol: Protocol, changes: list[Mutation], cuts: list[int], *, greets: bool
) -> None:
    pipe = Pipe(_cut(_mutated(_lines(INSIDE[protocol]), changes), cuts))
    wire = Wire(pipe, [])

    asyncio.run(asyncio.wait_for(_inside(protocol, wire, greets=greets), 5))

    assert _is_shown_safely(wire)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(data=st.binary(max_size=3000), cuts=cuts, greets=st.booleans())
def test_random_bytes_inside_tls_end_the_talk(
    protocol: Protocol, data: bytes, cuts: list[int], *, greets: bool
) -> None:
    wire = Wire(Pipe(_cut(data, cuts)), [])

    asyncio.run(asyncio.wait_for(_inside(protocol, wire, greets=greets), 5))

    assert _is_shown_safely(wire)


def _in_any_case(words: list[str], ups: list[bool]) -> list[str]:
    return [
        "".join(c.upper() if ups[(n + at) % len(ups)] else c.lower() for at, c in enumerate(word))
        for n, word in enumerate(words)
    ]


def _naming(protocol: Protocol, words: list[str]) -> dict[str, str]:
    match protocol:
        case "imap":
            return {"CAPABILITY": f"* CAPABILITY {' '.join(words)}\r\nc1 OK\r\n"}
        case "pop3":
            return {"CAPA": "".join(f"{x}\r\n" for x in ("+OK", *words, "."))}
        case "sieve":
            return {"greeting": "".join(f'"{x}"\r\n' for x in words) + "OK\r\n"}
        case _:
            lines = "".join(f"250-{x}\r\n" for x in ("zoo", *words)) + "250 HELP\r\n"
            return {"EHLO" if protocol == "smtp" else "LHLO": lines}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(
    words=st.permutations(["STARTTLS", "STLS", "SIZE", "AUTH=PLAIN", "X", "STARTTLS"]),
    ups=st.lists(st.booleans(), min_size=1, max_size=7),
    cuts=cuts,
)
def test_keywords_are_found_in_any_order_and_case(
    protocol: Protocol, words: list[str], ups: list[bool], cuts: list[int]
) -> None:
    named = _naming(protocol, _in_any_case(words, ups))
    answers = {**OUTSIDE[protocol], **{verb: text.encode() for verb, text in named.items()}}
    pipe = Pipe(_cut(b"".join(_lines(answers)), cuts))

    assert asyncio.run(asyncio.wait_for(_outside(protocol, pipe, Wire(pipe, [])), 5))
