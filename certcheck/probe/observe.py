"""One endpoint at one address, asked in all the ways that a depth wants, as one Observation."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from certcheck.model.endpoint import Endpoint
from certcheck.model.observation import OUTCOMES, Observation, Reason, TlsVersion
from certcheck.probe.handshake import VERSIONS, Handshake, Variant
from certcheck.probe.limits import REFUSALS, Gate, Limits, Missed
from certcheck.probe.look import Door, Look, Talk
from certcheck.probe.sightings import Sighting, deployments

Depth = Literal["keys", "certificates", "quick", "hellos", "standard", "full"]

# What is told of as it ends, depth by depth.
STAGES: Mapping[Depth, tuple[str, ...]] = {
    "keys": ("handshakes",),
    "certificates": ("handshakes",),
    "quick": ("handshakes",),
    "hellos": ("handshakes", "hellos"),
    "standard": ("handshakes", "sslyze"),
    "full": ("handshakes", "hellos", "sslyze"),
}

_TRIES = 3
# The usual question is asked again, to meet another back end behind the same address.
_AGAIN = 2


def _untold(_stage: str) -> None:
    pass


async def observed(  # noqa: PLR0913 - each is one thing that the caller decides
    endpoint: Endpoint,
    address: str,
    *,
    number: int,
    depth: Depth,
    gate: Gate,
    limits: Limits,
    at: datetime,
    stage: Callable[[str], None] = _untold,
) -> Observation:
    """What `endpoint` serves at `address`; whatever a server does is data.

    `address` is an IP literal; any other string is `unreachable`. `stage` is told of each of
    STAGES as it ends. `keys` is one handshake for each type of key; `certificates` asks without SNI
    and for other back ends, too; `quick` for TLS versions; `hellos` adds our own lists of suites
    and groups, `standard` sslyze, `full` both. `budget` says how many connections that is.
    """
    door = Door(endpoint=endpoint, address=address, gate=gate, limits=limits)
    blank = unseen(endpoint, address, number=number, at=at, reason="unreachable", detail="")
    talk: Talk = "goodbye" if depth == "keys" else "full"
    looks = await _asked(door, Variant(server_name=endpoint.host.server_name), talk=talk)
    last = looks[-1]
    if last.shaken is None:
        return await without_tls(door, blank, looks)
    seen = await _seen(door, blank, looks, last.shaken, depth)
    stage("handshakes")
    if depth in ("keys", "certificates", "quick"):
        return seen
    from certcheck.probe.engines import OWN, SSLYZE, with_scan_of

    engines = {"hellos": OWN, "standard": SSLYZE, "full": OWN | SSLYZE}
    return await with_scan_of(door, seen, engines=engines[depth], stage=stage)


def unseen(  # noqa: PLR0913 - as above
    endpoint: Endpoint,
    address: str | None,
    *,
    number: int,
    at: datetime,
    reason: Reason,
    detail: str,
) -> Observation:
    """The observation of an endpoint that gave no TLS session, such as an unresolved name."""
    return Observation(
        id=f"o{number}",
        endpoint=endpoint.url,
        tls_mode=endpoint.tls_mode,
        address=address,
        server_name=endpoint.host.server_name,
        at=at,
        outcome=OUTCOMES[reason],
        reason=reason,
        detail=detail,
    )


async def without_tls(door: Door, blank: Observation, looks: Sequence[Look]) -> Observation:
    """The observation of a server that gave no TLS session in any of these looks."""
    last = looks[-1]
    attempts = sum(look.connections for look in looks)
    missed = last.missed or Missed(reason="handshake_failed", detail="")
    if missed.reason in ("greeting_timeout", "tls_on_plain_port"):
        other = await door.look(last.variant, mode="implicit")
        looks = (*looks, other)
        if other.shaken:
            detail = "the port speaks TLS from the first byte, not STARTTLS"
            missed = Missed(reason="tls_on_plain_port", detail=detail)
    return replace(
        blank,
        attempts=attempts,
        outcome=OUTCOMES[missed.reason],
        reason=missed.reason,
        detail=missed.detail,
        transcript=last.transcript,
        capabilities=last.capabilities,
        engines=("handshake",),
        connections=sum(look.connections for look in looks),
    )


async def _asked(door: Door, variant: Variant, *, talk: Talk = "goodbye") -> tuple[Look, ...]:
    # A bare hang-up may be an accident: up to three times.
    looks = [await door.look(variant, talk=talk)]
    while (missed := looks[-1].missed) and missed.hung_up and len(looks) < _TRIES:
        looks.append(await door.look(variant, talk=talk))
    return tuple(looks)


async def _seen(
    door: Door,
    blank: Observation,
    looks: Sequence[Look],
    shaken: Handshake,
    depth: Depth,
) -> Observation:
    last = looks[-1]
    versions = () if depth in ("keys", "certificates") else tuple(VERSIONS)
    variants = _variants(last.variant, shaken, depth, versions)
    talk: Talk = "goodbye" if last.inside is None else "none"
    more = await asyncio.gather(*(_asked(door, variant, talk=talk) for variant in variants))
    answers = [last, *(tries[-1] for tries in more)]
    sightings = [
        Sighting(
            server_name=a.variant.server_name,
            chain=a.shaken.chain,
            proven=a.shaken.possession_proven,
        )
        for a in answers
        if a.shaken
    ]
    accepted = {a.shaken.version for a in answers if a.shaken}
    # TLS came up, but on another service than the URL names: its certificate is still shown.
    stranger = last.inside if last.inside and last.inside.reason == "wrong_protocol" else None
    return replace(
        blank,
        attempts=sum(look.connections for look in looks),
        outcome="inconclusive" if stranger else "seen",
        reason="wrong_protocol" if stranger else None,
        detail=stranger.detail if stranger else "",
        transcript=last.transcript,
        capabilities=last.capabilities,
        protocols=tuple(version for version in versions if version in accepted),
        deployments=deployments(sightings),
        engines=("handshake",),
        connections=sum(look.connections for tries in (looks, *more) for look in tries),
        client_certificate=shaken.client_certificate,
        doubts=tuple(
            dict.fromkeys((*_doubt_inside(last), *(d for a in answers[1:] for d in _doubt(a))))
        ),
    )


def _variants(
    first: Variant, shaken: Handshake, depth: Depth, versions: Sequence[TlsVersion]
) -> list[Variant]:
    other_key = "aRSA" if shaken.chain[0].key_type != "rsa" else "aECDSA"
    other = replace(first, newest="TLSv1.2", ciphers=other_key)
    if depth == "keys":
        return [other]
    variants = [other, *[first] * _AGAIN]
    if first.server_name is not None:
        variants += [Variant(server_name=None), replace(other, server_name=None)]
    return variants + [
        replace(first, oldest=version, newest=version)
        for version in versions
        if version != shaken.version
    ]


def _doubt_inside(look: Look) -> tuple[str, ...]:
    if look.inside is None or look.inside.reason == "wrong_protocol":
        return ()
    if look.shaken and look.shaken.client_certificate == "required":
        return ()  # known, and a finding of its own
    return (f"the talk inside TLS ended early: {look.inside.detail}",)


def _doubt(look: Look) -> tuple[str, ...]:
    # No SNI is refused by some servers, and that is an answer (RFC 6066 3: unrecognized_name).
    if look.missed is None or look.missed.reason in REFUSALS:
        return ()
    if not look.connections:  # the gate let nobody through
        return (f"not known what else is served: {look.missed.detail}",)
    return (f"not known what is served {_question(look.variant)}: {look.missed.detail}",)


def _question(variant: Variant) -> str:
    if variant.server_name is None:
        return "without SNI"
    if variant.oldest == variant.newest:
        return f"with {variant.newest}"
    return f"to clients that want {variant.ciphers.removeprefix('a')}"
