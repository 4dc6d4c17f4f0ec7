import asyncio
import functools
import ssl
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from certcheck.model.endpoint import Hostname
from certcheck.model.observation import Observation, TlsVersion
from certcheck.probe.conclusion import Run, Scanned, concluded
from certcheck.probe.doubt import Doubt
from certcheck.probe.look import Door
from certcheck.probe.observe import observed
from certcheck.probe.scan import scanned
from certcheck.probe.scan_words import Answer, Served
from tests.process_tree import children
from tests.zoo.accidents import (
    Accident,
    from_number,
    no_descriptors,
    now_and_then,
    on_bad_line,
    refusing_by_eof,
)
from tests.zoo.animals import closes_after_hello, endless_handshake, silent
from tests.zoo.identities import context, identity
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.manners import implicit, server
from tests.zoo.visit import LIMITS, NAME, door_to

pytestmark = pytest.mark.slow

MODERN: tuple[TlsVersion, ...] = ("TLSv1.3",)
VERSIONS: tuple[TlsVersion, ...] = ("TLSv1.0", "TLSv1.2", "TLSv1.3")
CONTEXT = context("ecdsa", "rsa2048", oldest=ssl.TLSVersion.TLSv1)
WIDE = implicit("imap", tls=CONTEXT)
CURT = refusing_by_eof(CONTEXT)
NOW = datetime(2026, 3, 28, tzinfo=UTC)


def scan_of(behaviour: Behaviour, *, deadline: float = 60.0) -> Scanned:
    with door_to("imaps", behaviour, limits=replace(LIMITS, scan_timeout=deadline)) as door:
        return asyncio.run(scanned(door, VERSIONS))


@functools.cache
def undisturbed() -> Scanned:
    return scan_of(WIDE)


def seen_by(door: Door) -> Observation:
    return asyncio.run(
        observed(
            door.endpoint,
            door.address,
            number=1,
            depth="standard",
            gate=door.gate,
            limits=door.limits,
            at=NOW,
        )
    )


def test_suites_chains_and_trust_come_from_sslyze() -> None:
    result = undisturbed()

    assert result.doubts == ()
    assert "TLS_AES_256_GCM_SHA384" in result.suites["TLSv1.3"]
    assert "TLS_RSA_WITH_AES_128_CBC_SHA" in result.suites["TLSv1.0"]
    assert {(each.server_name, each.chain[0].key_type) for each in result.found} >= {
        ("mail.example.test", "ecdsa"),
        ("mail.example.test", "rsa"),
    }
    mozilla = next(each for each in result.found[0].trust if each.store == "mozilla")
    assert mozilla.verdict == "fail"
    assert mozilla.date is not None
    assert datetime.fromisoformat(mozilla.date).year >= 2025


def test_versions_that_come_later_are_asked_for_too() -> None:
    async def later() -> tuple[TlsVersion, ...]:
        await asyncio.sleep(0)
        return ("TLSv1.2",)

    with door_to("imaps", WIDE) as door:
        result = asyncio.run(scanned(door, MODERN, more=later(), checks=False))

    assert {*result.suites} == {"TLSv1.2", "TLSv1.3"}
    assert result.suites["TLSv1.2"] == undisturbed().suites["TLSv1.2"]


def test_standard_depth_joins_both_engines() -> None:
    with door_to("sieve", server("sieve")) as door:
        seen = seen_by(door)

    assert (seen.outcome, seen.doubts) == ("seen", ())
    assert seen.engines == ("handshake", "hello", "sslyze")
    assert set(seen.cipher_suites) == {"TLSv1.2", "TLSv1.3"} == set(seen.protocols)
    assert all(each.trust for each in seen.deployments)
    assert seen.connections == door.gate.connections


def test_an_ip_endpoint_is_scanned_without_trust_stores() -> None:
    literal = Hostname(ascii="127.0.0.1", unicode="127.0.0.1", is_ip=True)
    with door_to("imaps", WIDE) as door:
        seen = seen_by(replace(door, endpoint=replace(door.endpoint, host=literal)))

    assert seen.cipher_suites
    assert [each.server_name for each in seen.deployments] == [None, None]


def test_a_name_with_an_underscore_is_scanned_without_trust_stores() -> None:
    odd = Hostname(ascii="odd_name.example.test", unicode="odd_name.example.test")
    with door_to("imaps", WIDE) as door:
        seen = seen_by(replace(door, endpoint=replace(door.endpoint, host=odd)))

    assert seen.cipher_suites
    assert seen.doubts == ()


@pytest.mark.parametrize("good", [WIDE, CURT], ids=["refuses by alert", "refuses by EOF"])
@pytest.mark.parametrize("accident", ["dial reset", "eof", "reset"])
def test_no_suite_is_lost_without_a_doubt(good: Behaviour, accident: Accident) -> None:
    result = scan_of(on_bad_line(good, accident, now_and_then(seed=1)))

    lost = {
        version: set(suites) - set(result.suites.get(version, ()))
        for version, suites in undisturbed().suites.items()
    }
    assert result.doubts or not any(lost.values()), lost


def test_a_server_that_hangs_up_for_good_is_in_doubt() -> None:
    result = scan_of(on_bad_line(WIDE, "reset", from_number(40)))

    assert any("resets the connection" in doubt for doubt in result.doubts)


@pytest.mark.parametrize(
    "hostile", [endless_handshake, closes_after_hello, silent], ids=["endless", "closes", "silent"]
)
def test_a_server_that_turns_hostile_leaves_doubts_and_no_process(hostile: Behaviour) -> None:
    def turning(visitor: Visitor) -> None:
        (WIDE if visitor.number < 9 else hostile)(visitor)

    before = children()
    with door_to("imaps", turning, limits=replace(LIMITS, timeout=0.5)) as door:
        seen = seen_by(door)

    assert seen.outcome == "seen"
    assert seen.doubts
    assert not any("bug" in doubt.lower() for doubt in seen.doubts)
    assert children() <= before


@pytest.mark.parametrize(
    "chain",
    [(), ("no PEM",), ("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",)],
)
def test_a_chain_that_cannot_be_read_is_a_doubt(chain: tuple[str, ...]) -> None:
    odd = Served(with_sni=True, chain=chain, verdicts=())
    good = Served(with_sni=False, chain=(identity().certificate.decode(),), verdicts=())
    run = Run(asked=(), doubt=Doubt(), answer=Answer(served=(odd, good)))

    result = concluded(NAME, [run])

    assert [each.server_name for each in result.found] == [None]
    assert len(result.doubts) == 1
    assert result.doubts[0].startswith("sslyze got a chain that cannot be read: ")


def test_a_scan_that_cannot_start_is_a_doubt() -> None:
    async def run(door: Door) -> Scanned:
        with no_descriptors():
            return await scanned(door, VERSIONS)

    with door_to("imaps", WIDE) as door:
        result = asyncio.run(run(door))

    assert len(result.doubts) == 1
    assert "Too many open files" in result.doubts[0]


def test_a_scan_over_its_deadline_is_a_doubt() -> None:
    result = scan_of(WIDE, deadline=0.05)

    assert result.suites == {}
    assert result.doubts == ("sslyze gave no result: it was not done after 0.05 s",)


def test_scans_that_wait_for_each_other_leave_no_child() -> None:
    async def three() -> list[Scanned]:
        with ExitStack() as zoo:
            doors = [zoo.enter_context(door_to("imaps", CURT)) for _ in range(3)]
            return list(await asyncio.gather(*(scanned(door, MODERN) for door in doors)))

    before = children()
    found = asyncio.run(three())

    assert [len(each.suites["TLSv1.3"]) for each in found] == [3, 3, 3]
    assert [each.doubts for each in found] == [()] * 3
    assert children() <= before


def test_a_scan_that_waits_may_be_cancelled() -> None:
    async def impatient() -> None:
        with door_to("imaps", silent) as door:
            scans = [asyncio.ensure_future(scanned(door, MODERN)) for _ in range(4)]
            await asyncio.wait(scans, timeout=1.0)
            for scan in scans[::-1]:
                scan.cancel()
            await asyncio.gather(*scans, return_exceptions=True)

    before = children()
    asyncio.run(impatient())

    assert children() <= before


def test_a_repeated_scan_has_no_deadline_of_its_own() -> None:
    hanging = on_bad_line(WIDE, "hang", from_number(30))
    started = time.monotonic()

    result = scan_of(hanging, deadline=4.0)

    assert time.monotonic() - started < 7
    assert any(doubt.startswith("sslyze gave no result: ") for doubt in result.doubts)
