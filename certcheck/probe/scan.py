"""sslyze's word on one endpoint: a child process, pointed at the bridge, and what came of it."""

import asyncio
import contextlib
import functools
import json
import os
import sys
import weakref
from collections.abc import Awaitable, Collection
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from certcheck.model.endpoint import Hostname
from certcheck.model.observation import TlsVersion
from certcheck.probe.bridge import Bridge, bridged
from certcheck.probe.checks import commands, newest
from certcheck.probe.child import Child, Leash, LeashError
from certcheck.probe.conclusion import Run, Scanned, again, concluded
from certcheck.probe.dialogue import FAREWELLS
from certcheck.probe.doubt import Doubt
from certcheck.probe.grouped import Grouped
from certcheck.probe.look import Door
from certcheck.probe.places import Place, Places
from certcheck.probe.scan_words import CERTIFICATES, SUITES, Answer, Request

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_CHILDREN = min(os.cpu_count() or 1, 2)
# With less than this left, sslyze has hardly started when it is ended.
_WORTHWHILE = 2.0
# Who waits for the answer to a whole family needs no connection: others ask meanwhile.
_WAITING = 2
_places: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Places] = weakref.WeakKeyDictionary()


async def scanned(
    door: Door,
    versions: Collection[TlsVersion],
    *,
    more: Awaitable[Collection[TlsVersion]] | None = None,
    checks: bool = True,
    by_families: bool = True,
) -> Scanned:
    """Accepted suites of `versions`, chains with trust verdicts, checks; never raises for them.

    `more` brings versions that are not known yet; sslyze is started meanwhile.
    `by_families` spares the server most questions for suites that it refuses; without it sslyze
    asks for each, and nobody else has a say.
    What is in doubt is asked once more, within the same deadline.
    """
    loop = asyncio.get_running_loop()
    async with _places.setdefault(loop, Places(_CHILDREN)).one() as place:
        versions = (*versions, *(await _meanwhile(place, more) if more else ()))
        with contextlib.suppress(OSError):  # comes again where it is told
            _reader()  # what takes time the first time is not taken from the scan's
        asked = _commands(door, versions, checks=checks)
        end = loop.time() + door.limits.scan_timeout
        scan = _Scan(door=door, place=place, versions=versions, end=end, by_families=by_families)
        runs = [await scan.run(asked, Doubt())]
        left = again(runs[0])
        if left and not door.gate.stopped(door.address) and end - loop.time() > _WORTHWHILE:
            known = runs[0].doubt
            doubt = Doubt(bad_line=known.bad_line, accidents=known.accidents)
            scan = replace(scan, by_families=by_families and not runs[0].one_by_one)
            runs.append(await scan.run(left, doubt))
    return concluded(door.endpoint.host, runs)


async def _meanwhile(
    place: Place, more: Awaitable[Collection[TlsVersion]]
) -> Collection[TlsVersion]:
    # A child that cannot be started is told when it is asked.
    versions, _ = await asyncio.gather(more, _child(place), return_exceptions=True)
    if isinstance(versions, BaseException):
        raise versions
    return versions


async def _child(place: Place) -> Child:
    return await place.child(
        # -P: the folder that we are started in must not lend its modules.
        (sys.executable, "-P", "-m", "certcheck.probe.sslyze_scan"),
        # One arena instead of one per thread: 80 MB of address space instead of 560.
        {**os.environ, "MALLOC_ARENA_MAX": "1"},
    )


def _commands(door: Door, versions: Collection[TlsVersion], *, checks: bool) -> tuple[str, ...]:
    return (
        *((CERTIFICATES,) if _is_verifiable(door.endpoint.host) else ()),
        *(command for version, command in SUITES.items() if version in versions),
        *(commands(versions) if checks else ()),
    )


def _is_verifiable(host: Hostname) -> bool:
    # sslyze's verifier takes neither an IP address nor an underscore (RFC 5280 4.2.1.6) for a name.
    return not host.is_ip and "_" not in host.ascii


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    door: Door
    place: Place
    versions: Collection[TlsVersion]
    end: float
    by_families: bool

    async def run(self, asked: tuple[str, ...], doubt: Doubt) -> Run:
        """One run, of these commands."""
        grouped = Grouped(self.door, doubt) if self.by_families else None
        try:
            async with bridged(self.door, doubt, grouped) as bridge:
                answer = await self._answer(self._request(asked, bridge))
        except LeashError as e:
            return Run(asked=asked, doubt=doubt, lost=f"sslyze gave no result: {e}")
        except OSError as e:  # no descriptor left for the bridge
            return Run(asked=asked, doubt=doubt, lost=f"sslyze cannot be asked: {e.strerror or e}")
        return Run(
            asked=asked,
            doubt=doubt,
            answer=answer,
            with_family=grouped.names() if grouped else {},
            one_by_one=not grouped or grouped.is_off,
        )

    def _request(self, asked: tuple[str, ...], bridge: Bridge) -> Request:
        endpoint = self.door.endpoint
        return Request(
            host=endpoint.host.ascii,
            port=endpoint.port,
            proxy_port=bridge.port,
            token=bridge.token,
            at_once=self.door.limits.per_host * (_WAITING if self.by_families else 1),
            commands=asked,
            newest=newest(self.versions),
            greets=endpoint.tls_mode == "implicit" or endpoint.protocol == "sieve",
            farewell=f"{FAREWELLS[endpoint.protocol]}\r\n",
        )

    async def _answer(self, request: Request) -> Answer:
        left = self.end - asyncio.get_running_loop().time()
        child = await _child(self.place)
        line = await child.answer(json.dumps(asdict(request)).encode(), Leash(deadline=left))
        try:
            return _reader().validate_json(line)
        except ValueError as e:  # pydantic's own is one
            await child.end()
            raise LeashError("its answer cannot be read") from e


@functools.cache
def _reader() -> "TypeAdapter[Answer]":
    from pydantic import TypeAdapter

    return TypeAdapter(Answer)
