"""Servers that turn hostile inside a scan: it ends, stays small, and loses nothing in silence."""

import asyncio
import functools
import os
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from certcheck.model.observation import TlsVersion
from certcheck.probe.conclusion import Scanned
from certcheck.probe.handshake import VERSIONS
from certcheck.probe.look import Door
from certcheck.probe.scan import scanned
from tests.process_tree import memory
from tests.zoo import records
from tests.zoo.animals import endless, endless_handshake, pauses
from tests.zoo.identities import context, own_context
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.manners import implicit
from tests.zoo.records import FATAL
from tests.zoo.tampering import Tamper, tampered
from tests.zoo.visit import LIMITS, door_to

pytestmark = pytest.mark.slow

MEGABYTE = 1024**2
SHORT = replace(LIMITS, timeout=1.0, silence=0.5, scan_timeout=5.0)
PATIENT = replace(LIMITS, timeout=30.0, scan_timeout=90.0)
SERVER_HELLO = records.server_hello()


def after_hello(behaviour: Behaviour) -> Behaviour:
    def hostile(visitor: Visitor) -> None:
        visitor.hear_bytes()
        behaviour(visitor)

    return hostile


def huge_certificate(visitor: Visitor) -> None:
    rest = records.record(records.HANDSHAKE, bytes(16_000))
    start = records.record(records.HANDSHAKE, b"\x0b\xff\xff\xff" + bytes(16_000))
    endless(SERVER_HELLO + start, rest)(visitor)


HOSTILE: dict[str, Behaviour] = {
    "endless HelloRequest": endless_handshake,
    "one byte at a time": after_hello(pauses(*map(bytes, zip(SERVER_HELLO, strict=True)))),
    "16 MB of certificate": after_hello(huge_certificate),
    "endless data": after_hello(endless(SERVER_HELLO, records.record(records.DATA, bytes(16_384)))),
    "endless bytes": after_hello(endless(b"", b"\x16" * 4096)),
}


def turning(hostile: Behaviour) -> Behaviour:
    good = implicit("imap", tls=context("ecdsa", "rsa2048"))
    return lambda visitor: (good if visitor.number < 9 else hostile)(visitor)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_scan_of_a_hostile_server_ends_and_stays_small(hostile: Behaviour) -> None:
    with door_to("imaps", turning(hostile), limits=SHORT) as door:
        result, largest = asyncio.run(watched(door))

    assert result.doubts
    assert not any("bug" in doubt.lower() for doubt in result.doubts)
    assert largest < 100 * MEGABYTE


async def watched(door: Door) -> tuple[Scanned, int]:
    """The result, and how large the children of the scan were together at most."""
    others = set(memory(os.getpid()))
    sizes = [0]
    scan = asyncio.ensure_future(scanned(door, ["TLSv1.2", "TLSv1.3"]))
    while not scan.done():
        now = memory(os.getpid())
        sizes.append(sum(size for pid, size in now.items() if pid not in others))
        await asyncio.wait([scan], timeout=0.05)
    return scan.result(), max(sizes)


# What comes after the server's hello has chosen a suite, instead of the rest of its flight.
Rest = Callable[[Sequence[bytes]], bytes]
SUITES: dict[TlsVersion, bytes] = {"TLSv1.2": b"\xc0\x2c", "TLSv1.3": b"\x13\x01"}
RESTS: dict[str, Rest] = {
    "handshake failure": lambda _: records.alert(FATAL, records.HANDSHAKE_FAILURE),
    "internal error": lambda _: records.alert(FATAL, records.INTERNAL_ERROR),
    "another record version": lambda rest: records.record(22, bytes(4), b"\x09\x09") + rest[0],
    "a huge message": lambda rest: rest[0] + records.record(22, b"\x0c\xff\xff\xff" + bytes(99)),
    "a bad signature": lambda rest: b"".join((*rest[:-2], flipped(rest[-2]), rest[-1])),
    "what cannot be decrypted": lambda rest: b"".join((rest[0], *map(flipped, rest[1:]))),
}


@pytest.mark.parametrize("version", SUITES)
@pytest.mark.parametrize("rest", RESTS.values(), ids=RESTS)
def test_no_suite_that_a_server_has_chosen_is_lost_in_silence(
    rest: Rest, version: TlsVersion
) -> None:
    result = choosing(version, rest)

    assert result.doubts


@pytest.mark.parametrize("version", SUITES)
def test_a_server_that_keeps_its_word_leaves_no_doubt(version: TlsVersion) -> None:
    result = choosing(version, b"".join)

    assert len(result.suites[version]) > 1
    assert result.doubts == ()


def choosing(version: TlsVersion, rest: Rest) -> Scanned:
    behaviour = tampered("imap", lambda: speaking(version), where(SUITES[version], rest))
    with door_to("imaps", behaviour, limits=PATIENT) as door:
        return asyncio.run(scanned(door, [version], checks=False))


@functools.cache
def speaking(version: TlsVersion) -> ssl.SSLContext:
    tls = own_context()
    tls.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    tls.minimum_version = tls.maximum_version = VERSIONS[version]
    return tls


def where(suite: bytes, rest: Rest) -> Tamper:
    """`rest` after each hello that chooses this suite."""

    def tamper(number: int, data: bytes) -> Iterator[bytes]:
        hello, *others = records.split(data)
        at = 44 + hello[43] if number == 1 and hello[0] == records.HANDSHAKE else len(hello)
        yield hello + rest(others) if hello[at : at + 2] == suite else data

    return tamper


def flipped(record: bytes) -> bytes:
    return record[:-1] + bytes([record[-1] ^ 1])
