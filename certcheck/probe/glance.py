"""One endpoint at one address, asked only which certificates it serves, as cheaply as it goes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from certcheck.model.endpoint import Endpoint
from certcheck.model.observation import Observation
from certcheck.probe.limits import REFUSALS, Gate, Limits
from certcheck.probe.look import Door, Look
from certcheck.probe.observe import observed, unseen, without_tls
from certcheck.probe.sightings import Sighting, deployments
from certcheck.probe.signed import SignedBy

_MAY_DIFFER = REFUSALS | {"handshake_timeout"}
_KEYS: tuple[SignedBy, ...] = ("ecdsa", "rsa")


async def glanced(
    endpoint: Endpoint, address: str, *, gate: Gate, limits: Limits, at: datetime
) -> Observation:
    """What `endpoint` serves at `address` for each type of key, possession proven.

    Two connections at once, in TLS 1.2 and up to the server's signature; a server that has nothing
    to say to these is asked by whole handshakes of any version. Never raises for what it does.
    """
    door = Door(endpoint=endpoint, address=address, gate=gate, limits=limits)
    looks = await asyncio.gather(*(_asked(door, key) for key in _KEYS))
    if any(look.shaken for look in looks):
        return _seen(door, looks, at)
    connections = sum(look.connections for look in looks)
    if final := next(filter(_is_final, looks), None):
        blank = unseen(endpoint, address, number=0, at=at, reason="unreachable", detail="")
        missed = await without_tls(door, blank, [final])
        return replace(missed, connections=missed.connections + connections - final.connections)
    whole = await observed(
        endpoint, address, number=0, depth="keys", gate=gate, limits=limits, at=at
    )
    return replace(whole, connections=connections + whole.connections, detail=_detail(whole))


async def _asked(door: Door, key: SignedBy) -> Look:
    look = await door.glance(key)
    if look.missed is None or look.missed.reason in REFUSALS or not look.missed.hung_up:
        return look
    again = await door.glance(key)
    return replace(again, connections=look.connections + again.connections)


def _seen(door: Door, looks: Sequence[Look], at: datetime) -> Observation:
    name = door.endpoint.host.server_name
    chains = [look.shaken.chain for look in looks if look.shaken]
    open_ones = [look.missed for look in looks if look.missed]
    doubts = [m.detail for m in open_ones if m.reason not in REFUSALS]
    return Observation(
        id="o0",
        endpoint=door.endpoint.url,
        tls_mode=door.endpoint.tls_mode,
        address=door.address,
        server_name=name,
        at=at,
        outcome="seen",
        detail=f"not known whether there is another type of key: {doubts[0]}" if doubts else "",
        deployments=deployments([Sighting(server_name=name, chain=c) for c in chains]),
        engines=("signature",),
        connections=sum(look.connections for look in looks),
    )


def _is_final(look: Look) -> bool:
    # There was a clear word, or none at all. What was refused, or not understood, may be had in
    # another version; and who hangs up before any answer may do so by accident.
    missed = look.missed
    return missed is not None and not missed.hung_up and missed.reason not in _MAY_DIFFER


def _detail(whole: Observation) -> str:
    return whole.detail or "; ".join(whole.doubts)
