"""What sslyze and our own enumeration, one of them or both, add to what handshakes have shown."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Literal, get_args

from certcheck.model.observation import Observation, TlsVersion
from certcheck.probe.comparison import compared
from certcheck.probe.conclusion import Scanned
from certcheck.probe.enumeration import Enumerated, enumerated
from certcheck.probe.look import Door
from certcheck.probe.oldest import Old, oldest_versions
from certcheck.probe.scan import scanned
from certcheck.probe.sightings import with_scan

Engine = Literal["own", "sslyze"]
OWN: frozenset[Engine] = frozenset({"own"})
SSLYZE: frozenset[Engine] = frozenset({"sslyze"})


async def with_scan_of(
    door: Door, seen: Observation, *, engines: frozenset[Engine], stage: Callable[[str], None]
) -> Observation:
    """`seen` with cipher suites; by `sslyze` checks and trust, too, by `own` groups.

    With both engines also where they disagree. `stage` is told of `hellos` (own) and `sslyze` as
    they end. Who serves no TLS, or wants to be left alone, is not asked.
    """
    if door.gate.stopped(door.address) or seen.outcome != "seen":
        return seen
    async with asyncio.TaskGroup() as tasks:
        old = tasks.create_task(oldest_versions(door))
        if engines == SSLYZE:
            scan = await scanned(door, seen.protocols, more=_versions_of(old))
            stage("sslyze")
            return _with_sslyze(_with_old(seen, await old), scan)
    seen = _with_old(seen, old.result())
    ours = await enumerated(door, seen.protocols)
    seen = _with_own(seen, ours)
    stage("hellos")
    if engines == OWN:
        return replace(seen, cipher_suites=ours.suites)
    scan = await scanned(door, seen.protocols, by_families=False)
    stage("sslyze")
    return await _compared(door, _with_sslyze(seen, scan), ours, scan)


async def _versions_of(old: Awaitable[Old]) -> Collection[TlsVersion]:
    return (await old).versions


def _with_old(seen: Observation, old: Old) -> Observation:
    return replace(
        _with_versions(seen, *old.versions),
        engines=(*seen.engines, "hello"),
        connections=seen.connections + old.connections,
        doubts=(*seen.doubts, *old.doubts),
    )


def _with_own(seen: Observation, ours: Enumerated) -> Observation:
    return replace(
        _with_versions(seen, *ours.suites),
        groups=ours.groups,
        preference=ours.preference,
        connections=seen.connections + ours.connections,
        doubts=(*seen.doubts, *ours.doubts),
    )


def _with_sslyze(seen: Observation, scan: Scanned) -> Observation:
    return replace(
        _with_versions(seen, *scan.suites),
        cipher_suites=scan.suites,
        refusals=scan.refusals,
        deployments=with_scan(seen.deployments, scan.found),
        checks=scan.checks,
        engines=(*seen.engines, *(("sslyze",) if scan.suites or scan.found else ())),
        connections=seen.connections + scan.connections,
        doubts=(*seen.doubts, *scan.doubts),
    )


async def _compared(door: Door, seen: Observation, ours: Enumerated, scan: Scanned) -> Observation:
    both = await compared(door, ours, scan)
    return replace(
        seen,
        cipher_suites=both.suites,
        disagreements=both.disagreements,
        connections=seen.connections + both.connections,
        doubts=(*seen.doubts, *both.doubts),
    )


def _with_versions(seen: Observation, *more: str) -> Observation:
    accepted = {*seen.protocols, *more}
    versions = tuple(version for version in get_args(TlsVersion) if version in accepted)
    return replace(seen, protocols=versions)
