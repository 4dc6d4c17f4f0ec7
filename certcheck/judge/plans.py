"""What servers will be: TLS by a published recommendation, and chains that are not served yet."""

import difflib
import functools
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from certcheck import iana
from certcheck.errors import InputError, listed
from certcheck.model.certificate import Certificate
from certcheck.model.observation import Deployment, Observation, Preference, TlsVersion

_FILE = Path(__file__).with_name("data") / "plans.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Versions, suites by version in the server's order, groups, and whose order decides."""

    name: str
    source: str
    versions: tuple[TlsVersion, ...]
    suites: Mapping[str, tuple[str, ...]]
    groups: tuple[str, ...]
    preference: Preference


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What shall change: TLS, the chains, or both; what is None stays as it was seen."""

    tls: Tls | None = None
    chains: tuple[tuple[Certificate, ...], ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing of the servers as they are is needed."""
        return self.tls is not None and bool(self.chains)


def tls_plan(name: str) -> Tls:
    """A recommendation by its name; raises InputError with the nearest names."""
    known = _plans()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"meant {listed(near, most=3)}?" if near else f"one of {', '.join(known)}"
        raise InputError(f"there is no TLS plan {name!r}", hint=hint)
    return known[name]


@functools.cache
def _plans() -> Mapping[str, Tls]:
    read = tomllib.loads(_FILE.read_text())
    return {
        name: Tls(
            name=name,
            source=each["source"],
            versions=tuple(each["suites"]),
            suites={version: tuple(names) for version, names in each["suites"].items()},
            groups=tuple(each["groups"]),
            preference=each["preference"],
        )
        for name, each in read.items()
    }


def planned(seen: Observation, plan: Plan) -> Observation:
    """The observation as it will be by then.

    What was really answered to hellos says nothing of other settings, and of other kinds of keys.
    """
    made = seen
    if plan.tls:
        made = replace(
            made,
            knocks=(),
            protocols=plan.tls.versions,
            cipher_suites=plan.tls.suites,
            groups=plan.tls.groups,
            preference=plan.tls.preference,
        )
    if plan.chains:
        served = _served(seen, plan.chains)
        kinds = {each.key_type for each in served}
        had = {each.key_type for each in seen.deployments}
        same = kinds == had
        made = replace(
            with_kinds(made, kinds - had),
            outcome="seen",
            reason=None,
            deployments=served,
            knocks=made.knocks if same else (),
        )
    return made


def with_kinds(seen: Observation, kinds: Collection[str]) -> Observation:
    """The same server with certificates of other kinds of keys: it takes their suites as well.

    Servers are told ciphers and ways to exchange keys; the kind of key follows from what they have.
    """
    suites = {
        version: tuple(
            dict.fromkeys(each for s in had for each in (s, *(_sibling(s, k) for k in kinds)))
        )
        for version, had in seen.cipher_suites.items()
    }
    return replace(seen, cipher_suites=suites)


def _sibling(suite: str, kind: str) -> str:
    ours, theirs = ("ECDHE_RSA", "ECDHE_ECDSA")[:: 1 if kind == "rsa" else -1]
    sibling = suite.replace(theirs, ours)
    return sibling if sibling in iana.suites().values() else suite


def _served(seen: Observation, chains: Sequence[tuple[Certificate, ...]]) -> tuple[Deployment, ...]:
    names = dict.fromkeys((seen.server_name, None))
    return tuple(
        Deployment(key_type=chain[0].key_type, server_name=name, chain=chain)
        for name in names
        for chain in chains
    )
