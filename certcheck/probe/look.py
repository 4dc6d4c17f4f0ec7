"""One visit to a mail server: connect, talk until TLS, one handshake, talk inside, say goodbye."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from certcheck.model.endpoint import Endpoint, TlsMode
from certcheck.model.observation import Capabilities
from certcheck.probe.dialogue import SCRIPTS, go_ahead, greeting
from certcheck.probe.handshake import Handshake, Tls, Variant, handshake
from certcheck.probe.limits import GO_AWAY, Gate, Limits, Missed, ProbeError
from certcheck.probe.script import Said, Script
from certcheck.probe.tcp import Tcp, dial
from certcheck.probe.wire import Wire

if TYPE_CHECKING:
    from certcheck.probe.signed import SignedBy

# Inside TLS: ask for the capabilities, only say goodbye, or just hang up.
Talk = Literal["full", "goodbye", "none"]
_GOODBYE = 5.0
_CIPHERS: "Mapping[SignedBy, str]" = {"ecdsa": "aECDSA", "rsa": "aRSA"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one visit saw: a handshake, or why there was none; `inside` is trouble after it."""

    variant: Variant
    shaken: Handshake | None = None
    missed: Missed | None = None
    inside: Missed | None = None
    capabilities: Capabilities = field(default_factory=Capabilities)
    transcript: tuple[str, ...] = ()
    connections: int = 1

    @property
    def turned_away(self) -> Missed | None:
        """The server's word that it wants to be left alone, said before TLS or inside."""
        trouble = self.missed or self.inside
        return trouble if trouble and trouble.reason in GO_AWAY else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where and how to knock, and who watches: everything that a visit needs but the variant."""

    endpoint: Endpoint
    address: str
    gate: Gate
    limits: Limits

    async def look(
        self, variant: Variant, *, talk: Talk = "goodbye", mode: TlsMode | None = None
    ) -> Look:
        """One visit, as data: it never raises for what a server does.

        A server that turns us away gets one more, slowly, and is stopped when it does so again.
        """
        mode = mode or self.endpoint.tls_mode
        return await self._admitted(lambda: _Visit(self, variant, talk, mode))

    async def glance(self, by: "SignedBy") -> Look:
        """The same in TLS 1.2 for one type of key, and only as far as its signature."""
        variant = Variant(
            server_name=self.endpoint.host.server_name, newest="TLSv1.2", ciphers=_CIPHERS[by]
        )
        return await self._admitted(lambda: _Glance(self, variant, by))

    async def _admitted(self, visit: "Callable[[], _Visit]") -> Look:
        first = visit()
        try:
            async with self.gate.admitted(self.address):
                look = await first.result()
                if look.turned_away is None:
                    return look
                return await self._once_more(look, visit())
        except ProbeError as e:
            return Look(variant=first.variant, missed=e.missed, connections=0)

    async def visit(self, variant: Variant) -> Look:
        """One visit and never a second one: who asks all the time has its own way to back off."""
        try:
            async with self.gate.admitted(self.address):
                return await _Visit(self, variant, "goodbye", self.endpoint.tls_mode).result()
        except ProbeError as e:
            return Look(variant=variant, missed=e.missed, connections=0)

    async def _once_more(self, first: Look, visit: "_Visit") -> Look:
        try:
            async with self.gate.backed_off(self.address):
                second = await visit.result()
                if second.turned_away:
                    self.gate.stop(self.address, second.turned_away)
        except ProbeError:
            return first  # another port's second try has stopped the address
        # A handshake that was had is not lost to a second try that had none.
        return replace(second if second.shaken or not first.shaken else first, connections=2)


class _Visit:
    def __init__(self, door: Door, variant: Variant, talk: Talk, mode: TlsMode) -> None:
        self.variant = variant
        self._door, self._talk, self._mode = door, talk, mode
        self._notes: list[str] = []
        self._before: Said | None = None
        self._after: Said | None = None
        self._shaken: Handshake | None = None
        self._inside: Missed | None = None

    async def result(self) -> Look:
        missed = None
        try:
            tcp = await dial(
                self._door.address, self._door.endpoint.port, within=self._door.limits.timeout
            )
            try:
                await self._talked(tcp)
            finally:
                tcp.close()
        except ProbeError as e:
            missed = e.missed
        return Look(
            variant=self.variant,
            shaken=self._shaken,
            missed=missed,
            inside=self._inside,
            capabilities=_capabilities(self._before, self._after),
            transcript=tuple(self._notes),
        )

    async def _talked(self, tcp: Tcp) -> None:
        script = SCRIPTS[self._door.endpoint.protocol](tcp.own_address)
        if self._mode == "starttls":
            wire = Wire(tcp, self._notes)
            self._before = await greeting(
                script,
                wire,
                complete=self._talk == "full",
                heard=lambda: tcp.allow(self._door.limits.timeout),
            )
            await go_ahead(script, self._before, tcp=tcp, wire=wire)
        await self._secured(script, tcp)

    async def _secured(self, script: Script, tcp: Tcp) -> None:
        tls, self._shaken = await handshake(tcp, self.variant, self._mode)
        if self._talk == "none" or self._shaken.client_certificate == "required":
            return
        try:
            await self._talked_inside(script, tcp, tls)
        except ProbeError as e:
            self._inside = e.missed
            # RFC 8446 4.4.2.4: in TLS 1.3 the refusal comes after the handshake, as an alert.
            if self._shaken.client_certificate and e.missed.reason == "handshake_failed":
                self._shaken = replace(self._shaken, client_certificate="required")
        except OSError:
            pass  # the close_notify did not get through: all was said

    async def _talked_inside(self, script: Script, tcp: Tcp, tls: Tls) -> None:
        wire = Wire(tls, self._notes)
        if self._talk == "goodbye":
            tcp.hurry(_GOODBYE)
            if self._mode == "implicit":
                await script.greet(wire)
        elif self._mode == "implicit":
            self._after = await greeting(script, wire, complete=True)
        else:
            self._after = await script.ask_inside(wire)
        tcp.hurry(_GOODBYE)
        await script.leave(wire)
        await tls.close()


class _Glance(_Visit):
    def __init__(self, door: Door, variant: Variant, by: "SignedBy") -> None:
        super().__init__(door, variant, "none", door.endpoint.tls_mode)
        self._by = by

    async def _secured(self, _script: Script, tcp: Tcp) -> None:
        from certcheck.probe.signed import signed

        self._shaken = await signed(tcp, self._by, self.variant.server_name, self._mode)


def _capabilities(before: Said | None, after: Said | None) -> Capabilities:
    first, last = before or after or Said(), after or before or Said()
    return Capabilities(
        greeting=first.greeting,
        before_tls=(before.words if before else None) or (),
        after_tls=(after.words if after else None) or (),
        auth_before_tls=before.auth if before else (),
        auth_after_tls=after.auth if after else (),
        size=last.size,
    )
