"""Before and after in one table: what each port offered, and what it offers now."""

from collections.abc import Iterator, Sequence

from certcheck.errors import listed
from certcheck.judge.changes import Terms, paired
from certcheck.model.certificate import short
from certcheck.model.observation import Observation
from certcheck.model.run import Row
from certcheck.targets import endpoint

_SHOWN = 6


def rows(before: Sequence[Observation], after: Sequence[Observation]) -> tuple[Row, ...]:
    """A row for each place that answered at one of the times; `before` is empty without any."""
    return tuple(
        {
            "host": str(service.host),
            "service": f"{service.scheme.upper()} {service.port}",
            "address": sides.address or "",
            "before": brief(sides.before) if sides.before else "",
            "after": brief(sides.after) if sides.after else "gone",
        }
        for sides in paired(before, after, Terms())
        if {o.outcome for o in (sides.before, sides.after) if o} != {"closed"}
        for service in (endpoint(sides.endpoint),)
    )


def brief(observation: Observation) -> str:
    """`TLS 1.2 1.3, AUTH PLAIN LOGIN, 10.0 MB, ECDSA AB:CD:EF:01…`, or why there is none."""
    if observation.outcome != "seen":
        return f"{observation.outcome} ({observation.reason})".replace("_", " ")
    return ", ".join(_parts(observation))


def _parts(seen: Observation) -> Iterator[str]:
    versions = " ".join(v.removeprefix("TLSv") for v in seen.protocols)
    yield f"TLS {versions}" if versions else "TLS"
    said = seen.capabilities
    if said.auth_before_tls:
        yield f"AUTH before TLS {' '.join(said.auth_before_tls)}"
    if said.auth_after_tls:
        yield f"AUTH {' '.join(said.auth_after_tls)}"
    if said.size:
        yield f"up to {said.size / 1_000_000:.1f} MB"
    leaves = (f"{d.leaf.key.partition(' ')[0]} {short(d.leaf.sha256)}" for d in seen.certificates)
    yield listed(tuple(dict.fromkeys(leaves)), most=_SHOWN)
