"""A session with a mail server inside verified TLS, up to the point where a password is due."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Endpoint
from certcheck.probe.dialogue import SCRIPTS, go_ahead, greeting
from certcheck.probe.handshake import Tls
from certcheck.probe.limits import GO_AWAY, Gate, Limits, ProbeError
from certcheck.probe.script import Said, Script
from certcheck.probe.tcp import Tcp, dial
from certcheck.probe.verified import verified
from certcheck.probe.wire import Wire

_GOODBYE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An endpoint to log in at; `port` is dialled instead of its own where that is redirected."""

    endpoint: Endpoint
    address: str
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """By which door, how patiently and trusting whom a server is asked to let somebody in."""

    gate: Gate
    limits: Limits
    roots: tuple[Certificate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The line to the server, and what it says that it can."""

    wire: Wire
    said: Said
    script: Script
    tcp: Tcp
    tls: Tls

    async def leave(self) -> None:
        """Say goodbye and hang up; never raises, as all has been said."""
        try:
            self.tcp.hurry(_GOODBYE)
            await self.script.leave(self.wire)
            await self.tls.close()
        except (ProbeError, OSError):
            pass


@asynccontextmanager
async def session(service: Service, access: Access) -> AsyncIterator[Session]:
    """A session at `service`, in a place of the gate's; raises ProbeError.

    A server that turns us away is asked once more, slowly, and is stopped when it does so again.
    """
    async with access.gate.admitted(service.address):
        opened = await _opened_patiently(service, access)
        try:
            yield opened
        finally:
            opened.tcp.close()


async def _opened_patiently(service: Service, access: Access) -> Session:
    try:
        return await _opened(service, access)
    except ProbeError as e:
        if e.missed.reason not in GO_AWAY:
            raise
    async with access.gate.backed_off(service.address):
        try:
            return await _opened(service, access)
        except ProbeError as e:
            if e.missed.reason in GO_AWAY:
                access.gate.stop(service.address, e.missed)
            raise


async def _opened(service: Service, access: Access) -> Session:
    port = service.port or service.endpoint.port
    tcp = await dial(service.address, port, within=access.limits.timeout)
    try:
        return await _talked(service.endpoint, tcp, access)
    except BaseException:
        tcp.close()
        raise


async def _talked(endpoint: Endpoint, tcp: Tcp, access: Access) -> Session:
    script = SCRIPTS[endpoint.protocol](tcp.own_address)
    mode = endpoint.tls_mode
    if mode == "starttls":
        outside = Wire(tcp, [])
        said = await greeting(script, outside, complete=True)
        tcp.allow(access.limits.timeout)
        await go_ahead(script, said, tcp=tcp, wire=outside)
    tls = await verified(tcp, endpoint.host, mode, roots=access.roots)
    wire = Wire(tls, [])
    tcp.allow(access.limits.timeout)
    if mode == "implicit":
        said = await greeting(script, wire, complete=True)
    else:
        said = await script.ask_inside(wire)
    return Session(wire=wire, said=said, script=script, tcp=tcp, tls=tls)
