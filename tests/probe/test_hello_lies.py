"""Hellos that are cut, mutated or made up: each is read, or refused by the one error for it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certcheck.probe.client_hello import ClientHello, decoded, encoded, fresh
from certcheck.probe.extension import Extension, Kind
from certcheck.probe.fields import MalformedError, sized
from tests.probe.hellos import CURL, HELLOS, THUNDERBIRD
from tests.zoo import records


@given(st.lists(st.integers(1, len(CURL) - 6), max_size=8))
def test_a_hello_may_be_cut_into_any_records(places: list[int]) -> None:
    message = CURL[5:]
    ends = sorted({*places, len(message)})
    pieces = [message[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    cut = b"".join(records.record(records.HANDSHAKE, each, b"\x03\x01") for each in pieces)

    assert decoded(cut) == decoded(CURL)


def hello_with(*extensions: bytes, head: bytes = b"\x03\x03", after: bytes = b"") -> bytes:
    body = head + bytes(32) + b"\0" + sized(b"\x13\x01", 2) + sized(b"\0", 1)
    return records.message(1, body + sized(b"".join(extensions), 2) + after)


def one(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2) + sized(data, 2)


BODY = b"\x03\x03" + bytes(32)
LIES = {
    "nothing": b"",
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "SSLv2": bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0"),
    "an alert": records.alert(records.FATAL, records.HANDSHAKE_FAILURE),
    "a ServerHello": records.server_hello(),
    "half": CURL[:-1],
    "a byte too many": CURL + b"\0",
    "another hello after it": CURL + CURL,
    "an empty record": records.record(records.HANDSHAKE, b"") + CURL,
    "a record too large": b"\x16\x03\x01\x40\x01" + bytes(2**14 + 1),
    "a claim of 16 MB": records.record(records.HANDSHAKE, b"\x01\xff\xff\xff" + BODY),
    "version 5": hello_with(head=b"\x05\x03"),
    "a session of 33 bytes": records.message(1, BODY + sized(bytes(33), 1) + b"\0\2\x13\x01\1\0"),
    "no suites": records.message(1, BODY + b"\0\0\0\1\0"),
    "half a suite": records.message(1, BODY + b"\0\0\3\x13\x01\x13\1\0"),
    "no compression": records.message(1, BODY + b"\0\0\2\x13\x01\0"),
    "bytes after the extensions": hello_with(after=b"\0"),
    "an extension beyond the end": hello_with(b"\0\x17\0\1"),
    "an extension without length": hello_with(b"\0\x17"),
    "an extension twice": hello_with(one(23, b""), one(23, b"")),
    "an unknown one twice": hello_with(one(0x7777, b""), one(0x7777, b"x")),
    "groups with a false length": hello_with(one(Kind.SUPPORTED_GROUPS, b"\0\4\0\x17")),
    "half a group": hello_with(one(Kind.SUPPORTED_GROUPS, b"\0\3\0\x17\0")),
    "bytes after the groups": hello_with(one(Kind.SUPPORTED_GROUPS, b"\0\2\0\x17\0")),
    "an empty name": hello_with(one(Kind.SERVER_NAME, b"")),
    "two names": hello_with(one(Kind.SERVER_NAME, sized(b"\0\0\1a" * 2, 2))),
    "a name of another kind": hello_with(one(Kind.SERVER_NAME, sized(b"\1\0\1a", 2))),
    "a name beyond ASCII": hello_with(one(Kind.SERVER_NAME, sized(b"\0\0\1\xff", 2))),
    "a key beyond the end": hello_with(one(Kind.KEY_SHARE, sized(b"\0\x1d\0\x20", 2))),
    "a protocol beyond the end": hello_with(one(Kind.ALPN, sized(b"\4ima", 2))),
}


@pytest.mark.parametrize("data", LIES.values(), ids=LIES)
def test_what_is_no_whole_hello_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        decoded(data)


def test_of_16_mb_only_what_a_hello_may_weigh_is_looked_at() -> None:
    first = records.record(records.HANDSHAKE, b"\x01\xff\xff\xff" + bytes(2**14 - 4))

    with pytest.raises(MalformedError, match="no ClientHello is that long"):
        decoded(first * 1024)


def test_what_the_lies_are_made_of_is_a_hello() -> None:
    assert decoded(hello_with()).suites == (0x1301,)
    assert decoded(hello_with(one(0x7777, b""))).extensions == (Extension(kind=0x7777),)


def test_no_start_of_a_hello_is_a_hello() -> None:
    for end in range(len(THUNDERBIRD)):
        with pytest.raises(MalformedError):
            decoded(THUNDERBIRD[:end])


@pytest.mark.parametrize("value", [0, 1, 0x7F, 0xFF])
def test_any_wrong_byte_is_another_hello_or_an_error(value: int) -> None:
    for at in range(len(CURL)):
        _read(CURL[:at] + bytes([value]) + CURL[at + 1 :])


@given(st.binary(max_size=400))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    _read(data)
    _read(records.record(records.HANDSHAKE, data))
    _read(records.message(1, data))
    _read(records.message(1, BODY + data))


@given(st.lists(st.tuples(st.sampled_from(Kind), st.binary(max_size=40)), max_size=6))
def test_random_extensions_raise_nothing_else(parts: list[tuple[int, bytes]]) -> None:
    _read(hello_with(*(one(kind, data) for kind, data in parts)))


@given(
    st.sampled_from(list(HELLOS.values())),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 4), st.binary(max_size=4)), max_size=4),
)
def test_mutated_hellos_raise_nothing_else(
    data: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    for at, removed, put in changes:
        place = at % (len(data) + 1)
        data = data[:place] + put + data[place + removed :]
    _read(data)
    # With its outer lengths set right, so that the inner ones are reached.
    _read(records.message(1, data[9:]))


def _read(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        hello = decoded(data)
        assert decoded(encoded(hello)) == hello
        assert isinstance(fresh(hello), ClientHello)
