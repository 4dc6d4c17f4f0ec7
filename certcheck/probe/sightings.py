"""Which chains an endpoint serves to whom, put together from several handshakes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from certcheck.model.certificate import Certificate, KeyType
from certcheck.model.observation import Deployment

if TYPE_CHECKING:
    from certcheck.probe.conclusion import Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """The SNI that was sent (None without), and the chain that came, leaf first."""

    server_name: str | None
    chain: tuple[Certificate, ...]
    proven: bool = True


def deployments(sightings: Sequence[Sighting]) -> tuple[Deployment, ...]:
    """One deployment per server name and leaf; `of` counts that name and key type."""
    chains: dict[tuple[str | None, str], tuple[Certificate, ...]] = {}
    seen: dict[tuple[str | None, str], int] = {}
    of: dict[tuple[str | None, KeyType], int] = {}
    proven: set[tuple[str | None, str]] = set()
    for each in sightings:
        name, leaf = each.server_name, each.chain[0]
        chains.setdefault((name, leaf.sha256), each.chain)
        proven |= {(name, leaf.sha256)} if each.proven else set()
        seen[name, leaf.sha256] = seen.get((name, leaf.sha256), 0) + 1
        of[name, leaf.key_type] = of.get((name, leaf.key_type), 0) + 1
    return tuple(
        Deployment(
            key_type=chain[0].key_type,
            server_name=name,
            chain=chain,
            seen=seen[name, sha256],
            of=of[name, chain[0].key_type],
            possession_proven=(name, sha256) in proven,
        )
        for (name, sha256), chain in chains.items()
    )


def with_scan(ours: Sequence[Deployment], found: Sequence["Found"]) -> tuple[Deployment, ...]:
    """The same with the trust stores' verdicts, what crossed in clear, and chains only there."""
    there = {(each.server_name, each.chain[0].sha256): each for each in found}
    known = {(each.server_name, each.leaf.sha256) for each in ours}
    joined = [_joined(each, there.get((each.server_name, each.leaf.sha256))) for each in ours]
    more = [_only_there(each) for key, each in there.items() if key not in known]
    of: Counter[tuple[str | None, KeyType]] = Counter()
    for each in (*joined, *more):
        of[each.server_name, each.key_type] += each.seen
    return tuple(replace(each, of=of[each.server_name, each.key_type]) for each in (*joined, *more))


def _joined(ours: Deployment, found: "Found | None") -> Deployment:
    return replace(ours, seen=ours.seen + found.times, trust=found.trust) if found else ours


def _only_there(found: "Found") -> Deployment:
    leaf = found.chain[0]
    return Deployment(
        key_type=leaf.key_type,
        server_name=found.server_name,
        chain=found.chain,
        seen=max(found.times, 1),  # in TLS 1.3 it does not cross in clear
        trust=found.trust,
    )
