"""sslyze's word on one endpoint: a child process, pointed at the bridge, and what came of it."""

import asyncio
import json
import os
import sys
import weakref
from collections.abc import Collection
from dataclasses import asdict

from certcheck.model.endpoint import Hostname
from certcheck.model.observation import TlsVersion
from certcheck.probe import child
from certcheck.probe.bridge import bridged
from certcheck.probe.checks import commands, newest
from certcheck.probe.conclusion import Run, Scanned, again, concluded
from certcheck.probe.dialogue import FAREWELLS
from certcheck.probe.doubt import Doubt
from certcheck.probe.look import Door
from certcheck.probe.scan_words import CERTIFICATES, SUITES, Answer, Request

_CHILDREN = min(os.cpu_count() or 1, 2)
# With less than this left, sslyze has hardly started when it is ended.
_WORTHWHILE = 2.0
_places: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
    weakref.WeakKeyDictionary()
)


async def scanned(door: Door, versions: Collection[TlsVersion], *, checks: bool = True) -> Scanned:
    """Accepted suites of `versions`, chains with trust verdicts, checks; never raises for them.

    What is in doubt is asked once more, within the same deadline.
    """
    loop = asyncio.get_running_loop()
    asked = _commands(door, versions, checks=checks)
    async with _places.setdefault(loop, asyncio.Semaphore(_CHILDREN)):
        end = loop.time() + door.limits.scan_timeout
        runs = [await _once(door, versions, asked, Doubt(), end)]
        left = again(runs[0])
        if left and not door.gate.stopped(door.address) and end - loop.time() > _WORTHWHILE:
            known = runs[0].doubt
            doubt = Doubt(bad_line=known.bad_line, accidents=known.accidents)
            runs.append(await _once(door, versions, left, doubt, end))
    return concluded(door.endpoint.host, runs)


def _commands(door: Door, versions: Collection[TlsVersion], *, checks: bool) -> tuple[str, ...]:
    return (
        *((CERTIFICATES,) if _is_verifiable(door.endpoint.host) else ()),
        *(SUITES[version] for version in versions),
        *(commands(versions) if checks else ()),
    )


def _is_verifiable(host: Hostname) -> bool:
    # sslyze's verifier takes neither an IP address nor an underscore (RFC 5280 4.2.1.6) for a name.
    return not host.is_ip and "_" not in host.ascii


async def _once(
    door: Door, versions: Collection[TlsVersion], asked: tuple[str, ...], doubt: Doubt, end: float
) -> Run:
    try:
        async with bridged(door, doubt) as bridge:
            request = Request(
                host=door.endpoint.host.ascii,
                port=door.endpoint.port,
                proxy_port=bridge.port,
                token=bridge.token,
                at_once=door.limits.per_host,
                commands=asked,
                newest=newest(versions),
                greets=door.endpoint.tls_mode == "implicit" or door.endpoint.protocol == "sieve",
                farewell=f"{FAREWELLS[door.endpoint.protocol]}\r\n",
            )
            answer = await _answer(request, end - asyncio.get_running_loop().time())
    except child.LeashError as e:
        return Run(asked=asked, doubt=doubt, lost=f"sslyze gave no result: {e}")
    except OSError as e:  # no descriptor left for the bridge
        return Run(asked=asked, doubt=doubt, lost=f"sslyze cannot be asked: {e.strerror or e}")
    return Run(asked=asked, doubt=doubt, answer=answer)


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
