import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certcheck.probe.dialogue import SCRIPTS, go_ahead, greeting
from certcheck.probe.limits import ProbeError
from certcheck.probe.wire import Wire
from tests.zoo.manners import OUTSIDE

GO = {"smtp": b"220", "lmtp": b"220", "imap": b"s1 OK", "pop3": b"+OK", "sieve": b"OK"}


class Pipe:
    """A stream of given pieces that then ends; it is also the Tcp that the go-ahead peeks at."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = [piece for piece in pieces if piece]
        self.sent: list[bytes] = []

    async def recv(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    async def send(self, data: bytes) -> None:
        self.sent.append(data)

    def waiting(self) -> bytes:
        return b"".join(self.pieces)


async def _until_go_ahead(protocol: str, pipe: Pipe) -> bool:
    script = SCRIPTS[protocol]("192.0.2.7")  # type: ignore[index]  # the tests' keys are plain strings
    wire = Wire(pipe, [])
    try:
        said = await greeting(script, wire)
        await go_ahead(script, said, tcp=pipe, wire=wire)  # type: ignore[arg-type]  # only peeked
    except ProbeError:
        return False
    return True


def _right(protocol: str) -> bytes:
    return b"".join(answer for answer in OUTSIDE[protocol].values() if isinstance(answer, bytes))


def _cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize("protocol", sorted(OUTSIDE))
@given(data=st.binary(max_size=3000), cuts=st.lists(st.integers(0, 3000), max_size=8))
def test_random_bytes_are_never_a_go_ahead(protocol: str, data: bytes, cuts: list[int]) -> None:
    pipe = Pipe(_cut(data, cuts))

    gone_ahead = asyncio.run(asyncio.wait_for(_until_go_ahead(protocol, pipe), 5))

    assert not gone_ahead


@pytest.mark.parametrize("protocol", sorted(OUTSIDE))
@given(cuts=st.lists(st.integers(0, 3000), max_size=20))
def test_any_segmentation_is_understood(protocol: str, cuts: list[int]) -> None:
    pipe = Pipe(_cut(_right(protocol), cuts))

    assert asyncio.run(_until_go_ahead(protocol, pipe))


@pytest.mark.parametrize("protocol", sorted(OUTSIDE))
@given(
    at=st.integers(0, 300),
    remove=st.integers(0, 20),
    put=st.binary(max_size=40),
    cuts=st.lists(st.integers(0, 400), max_size=5),
)
def test_mutated_answers_never_pass_without_a_go_ahead(
    protocol: str, at: int, remove: int, put: bytes, cuts: list[int]
) -> None:
    right = _right(protocol)
    mutated = right[:at] + put + right[at + remove :]
    pipe = Pipe(_cut(mutated, cuts))

    gone_ahead = asyncio.run(asyncio.wait_for(_until_go_ahead(protocol, pipe), 5))

    if gone_ahead:
        last = mutated.rstrip(b"\r\n").rpartition(b"\n")[2]
        assert last.upper().startswith(GO[protocol].upper())
        assert pipe.waiting() == b""
        assert b"STLS\r\n" in pipe.sent[-1] or b"STARTTLS\r\n" in pipe.sent[-1]
