"""sslyze's word on one endpoint: a child process, pointed at the bridge, and what came of it."""

import asyncio
import json
import os
import ssl
import sys
import warnings
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from certcheck import x509
from certcheck.model.certificate import Certificate
from certcheck.model.observation import TlsVersion, Trust
from certcheck.probe import child
from certcheck.probe.bridge import USER, bridged
from certcheck.probe.doubt import Doubt
from certcheck.probe.look import Door
from certcheck.probe.scan_words import Answer, Request, Served

_CHILDREN = min(os.cpu_count() or 1, 2)
_places: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
    weakref.WeakKeyDictionary()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One chain that sslyze got, and what its trust stores say."""

    server_name: str | None
    chain: tuple[Certificate, ...]
    trust: tuple[Trust, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """sslyze's result; what it could not finish, or is not certain, is a sentence in `doubts`."""

    suites: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    found: tuple[Found, ...] = ()
    doubts: tuple[str, ...] = ()
    connections: int = 0


async def scanned(door: Door, versions: Sequence[TlsVersion]) -> Scanned:
    """The accepted suites of `versions`, and all chains with trust verdicts; never raises for them.

    A scan with a doubtful connection in it is repeated once; what both saw accepted counts.
    """
    place = _places.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_CHILDREN))
    async with place:
        doubt = Doubt()
        first = await _once(door, versions, doubt)
        if not doubt.taints() or door.gate.stopped(door.address):
            return first
        second = await _once(door, versions, Doubt(bad_line=doubt.bad_line))
    return _both(first, second)


async def _once(door: Door, versions: Sequence[TlsVersion], doubt: Doubt) -> Scanned:
    host = door.endpoint.host
    try:
        async with bridged(door, doubt) as bridge:
            request = Request(
                host=host.ascii,
                port=door.endpoint.port,
                proxy_port=bridge.port,
                user=USER,
                token=bridge.token,
                at_once=door.limits.per_host,
                versions=tuple(versions),
                certificates=not host.is_ip,
            )
            answer = await _answer(request, door.limits.scan_timeout)
    except child.LeashError as e:
        lost = f"sslyze gave no result: {e}"
        return Scanned(doubts=(lost, *_tainted(doubt)), connections=doubt.connections)
    except OSError as e:  # no descriptor left for the bridge
        return Scanned(doubts=(f"sslyze cannot be asked: {e.strerror or e}",))
    found, unreadable = _chains(host.server_name, answer)
    return Scanned(
        suites={version: suites for version, suites in answer.suites.items() if suites},
        found=found,
        doubts=(*_tainted(doubt), *_unfinished(answer, versions, doubt), *unreadable),
        connections=doubt.connections,
    )


async def _answer(request: Request, deadline: float) -> Answer:
    from pydantic import TypeAdapter, ValidationError

    out = await child.output(
        # -P: the folder that we are started in must not lend its modules.
        (sys.executable, "-P", "-m", "certcheck.probe.sslyze_scan"),
        stdin=json.dumps(asdict(request)).encode(),
        # One arena instead of one per thread: 80 MB of address space instead of 560.
        environment={**os.environ, "MALLOC_ARENA_MAX": "1"},
        leash=child.Leash(deadline=deadline),
    )
    try:
        return TypeAdapter(Answer).validate_json(out)
    except ValidationError as e:
        raise child.LeashError("its answer cannot be read") from e


def _chains(server_name: str | None, answer: Answer) -> tuple[tuple[Found, ...], tuple[str, ...]]:
    found, doubts = [], []
    for served in answer.served:
        try:
            found.append(_found(server_name, served))
        except ValueError as e:
            doubts.append(f"sslyze got a chain that cannot be read: {e}")
    return tuple(found), tuple(doubts)


def _found(server_name: str | None, served: Served) -> Found:
    if not served.chain:
        raise ValueError("it is empty")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chain = tuple(x509.certificate(ssl.PEM_cert_to_DER_cert(pem)) for pem in served.chain)
    trust = tuple(
        Trust(
            store=each.store.lower(),
            date=each.date or None,
            verdict="fail" if each.reason else "pass",
            reason=each.reason,
        )
        for each in served.verdicts
    )
    return Found(
        server_name=server_name if served.with_sni else None,
        chain=chain,
        trust=trust,
    )


def _tainted(doubt: Doubt) -> tuple[str, ...]:
    return tuple(f"sslyze's list of suites may be incomplete: {text}" for text in doubt.taints())


def _unfinished(answer: Answer, versions: Sequence[TlsVersion], doubt: Doubt) -> tuple[str, ...]:
    if doubt.taints():
        return ()  # they are the reason
    failed = [f"sslyze could not finish {name}: {why}" for name, why in answer.failed.items()]
    none = [
        f"sslyze found no suite of {version}, which a handshake of ours had"
        for version in versions
        if answer.suites.get(version) == () and not version.startswith("SSL")
    ]
    return (*failed, *none)


def _both(first: Scanned, second: Scanned) -> Scanned:
    # What one of them saw accepted was accepted, in a full handshake.
    versions = dict.fromkeys([*first.suites, *second.suites])
    return Scanned(
        suites={
            version: tuple(
                dict.fromkeys([*second.suites.get(version, ()), *first.suites.get(version, ())])
            )
            for version in versions
        },
        found=second.found or first.found,
        doubts=second.doubts,
        connections=first.connections + second.connections,
    )
