"""Scans on bad lines, again and again: nothing may be lost without a doubt."""

import asyncio
import functools
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

import pytest

from certcheck.model.observation import TlsVersion
from certcheck.probe.conclusion import Scanned
from certcheck.probe.limits import Gate
from certcheck.probe.look import Door
from certcheck.probe.scan import scanned
from tests.zoo.accidents import Accident, now_and_then, on_bad_line, refusing_by_eof
from tests.zoo.identities import own_context
from tests.zoo.keeper import Behaviour, kept
from tests.zoo.manners import implicit
from tests.zoo.visit import LIMITS, at

pytestmark = pytest.mark.slow

VERSIONS: tuple[TlsVersion, ...] = ("TLSv1.2", "TLSv1.3")
QUICK = replace(LIMITS, silence=0.3, scan_timeout=60.0)
AT_ONCE = 5
ONE_IN: dict[Accident, int] = {"dial reset": 10, "eof": 10, "reset": 10, "hang": 30}


def scans(behaviours: Sequence[Behaviour]) -> list[Scanned]:
    async def all_of(places: ExitStack) -> list[Scanned]:
        doors = [door_to(each, places) for each in behaviours]
        return await asyncio.gather(*(scanned(door, VERSIONS, checks=False) for door in doors))

    with ExitStack() as places:
        return asyncio.run(all_of(places))


def door_to(behaviour: Behaviour, places: ExitStack) -> Door:
    endpoint = at(places.enter_context(kept(behaviour)), "imaps")
    return Door(endpoint=endpoint, address="127.0.0.1", gate=Gate(QUICK), limits=QUICK)


@functools.cache
def good(seed: int) -> Behaviour:
    """A server that refuses by alert, or one that hangs up, in turns."""
    tls = own_context("ecdsa", "rsa2048")
    tls.set_ciphers("ECDHE+AESGCM:AES128-SHA:@SECLEVEL=0")
    return refusing_by_eof(tls) if seed % 2 else implicit("imap", tls=tls)


@functools.cache
def undisturbed() -> tuple[Scanned, ...]:
    return tuple(scans([good(0), good(1)]))


def seen(result: Scanned) -> set[tuple[str | None, str]]:
    suites = {(version, name) for version, names in result.suites.items() for name in names}
    return suites | {(each.server_name, each.chain[0].sha256) for each in result.found}


def test_an_undisturbed_scan_sees_all_suites_and_certificates() -> None:
    for result in undisturbed():
        assert result.doubts == ()
        assert {version: len(names) for version, names in result.suites.items()} == {
            "TLSv1.2": 5,
            "TLSv1.3": 3,
        }
        assert len(result.found) == 3


@pytest.mark.parametrize("first", range(0, 20, AT_ONCE))
@pytest.mark.parametrize("accident", ONE_IN)
def test_nothing_is_lost_on_a_bad_line_without_a_doubt(accident: Accident, first: int) -> None:
    seeds = range(first, first + AT_ONCE)

    results = scans(
        [
            on_bad_line(good(seed % 2), accident, now_and_then(seed, one_in=ONE_IN[accident]))
            for seed in seeds
        ]
    )

    for seed, result in zip(seeds, results, strict=True):
        lost = seen(undisturbed()[seed % 2]) - seen(result)
        assert result.doubts or not lost, (seed, lost)
