"""Which chains an endpoint serves to whom, put together from several handshakes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from certcheck.model.certificate import Certificate, KeyType
from certcheck.model.observation import Deployment
from certcheck.probe.scan import Found


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


def with_scan(ours: Sequence[Deployment], found: Sequence[Found]) -> tuple[Deployment, ...]:
    """The same with the trust stores' verdicts, and the chains that only sslyze got."""
    trust = {(each.server_name, each.chain[0].sha256): each.trust for each in found}
    known = {(each.server_name, each.leaf.sha256) for each in ours}
    more = [each for each in found if (each.server_name, each.chain[0].sha256) not in known]
    judged = [
        replace(each, trust=trust.get((each.server_name, each.leaf.sha256), ())) for each in ours
    ]
    return (*judged, *(_only_there(each, ours) for each in more))


def _only_there(found: Found, ours: Sequence[Deployment]) -> Deployment:
    leaf = found.chain[0]
    asked = [
        each.of
        for each in ours
        if each.server_name == found.server_name and each.key_type == leaf.key_type
    ]
    return Deployment(
        key_type=leaf.key_type,
        server_name=found.server_name,
        chain=found.chain,
        of=1 + max(asked, default=0),
        trust=found.trust,
    )
