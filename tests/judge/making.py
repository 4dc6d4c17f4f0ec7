"""Certificates of any shape, and observations from the facts of a case."""

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from certcheck import x509
from certcheck.lab import pki
from certcheck.model.certificate import Certificate
from certcheck.model.observation import Capabilities, Deployment, Observation, Trust

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
_AUTHORITY = pki.authority(now=NOW - dt.timedelta(days=365))
_STRANGER = pki.authority(now=NOW - dt.timedelta(days=365))


@dataclass
class Maker:
    """Certificates by name: root and intermediate are there, others are made from their shape."""

    shapes: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: dict[str, pki.Identity] = field(default_factory=dict)

    def certificate(self, name: str) -> Certificate:
        shown = x509.chain(self.identity(name).certificate, where=name)[0]
        return replace(shown, **self.shapes.get(name, {}).get("facts", {}))

    def identity(self, name: str) -> pki.Identity:
        if name not in self.made:
            self.made[name] = self._made(name)
        return self.made[name]

    def _made(self, name: str) -> pki.Identity:
        wanted = {k: v for k, v in self.shapes.get(name, {}).items() if k != "facts"}
        known = {
            "root": _AUTHORITY.root,
            "intermediate": _AUTHORITY.intermediate,
            "stranger": _STRANGER.intermediate,
        }
        if not wanted and name in known:
            return known[name]
        issuer = wanted.pop("issuer", "intermediate")
        names = tuple(wanted.pop("names", ("mail.example.org",)))
        shape = pki.Shape(names=names, **wanted)
        return pki.make(shape, issuer=None if issuer == "self" else self.identity(issuer), now=NOW)


def observations(case: dict[str, Any]) -> list[Observation]:
    """What a case describes: one observation, and one more per table of `elsewhere`."""
    maker = Maker(case.get("certificates", {}))
    parts = [case, *case.get("elsewhere", ())]
    return [_observation(part, maker, number) for number, part in enumerate(parts, 1)]


def observation(case: dict[str, Any]) -> Observation:
    """The observation that a case describes: a sound server, except for what the case says."""
    return observations(case)[0]


def observed_as(case: dict[str, Any], maker: Maker) -> Observation:
    """What one part of a case describes, with certificates that other parts of it share."""
    return _observation(case, maker, 1)


def _observation(case: dict[str, Any], maker: Maker, number: int) -> Observation:
    facts: dict[str, Any] = {
        "id": f"o{number}",
        "endpoint": "imap://mail.example.org:143",
        "tls_mode": "starttls",
        "address": f"192.0.2.{6 + number}",
        "server_name": "mail.example.org",
        "at": NOW,
        "outcome": "seen",
        "protocols": ["TLSv1.2", "TLSv1.3"],
    }
    facts |= case.get("observation", {})
    facts["capabilities"] = TypeAdapter(Capabilities).validate_python(facts.get("capabilities", {}))
    usual = [{"chain": ["leaf", "intermediate"]}] if facts["outcome"] == "seen" else []
    served = case.get("deployment", usual)
    facts["deployments"] = [_deployment(each, maker, facts["server_name"]) for each in served]
    return TypeAdapter(Observation).validate_python(facts)


def _deployment(facts: dict[str, Any], maker: Maker, server_name: str) -> Deployment:
    chain = tuple(maker.certificate(name) for name in facts["chain"])
    trust = [{"date": None, **each} for each in facts.get("trust", [])]
    return Deployment(
        key_type=chain[0].key_type,
        server_name=server_name if facts.get("sni", True) else None,
        chain=chain,
        seen=facts.get("seen", 1),
        of=facts.get("of", 1),
        trust=TypeAdapter(tuple[Trust, ...]).validate_python(trust),
    )
