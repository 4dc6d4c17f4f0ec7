"""Whether every cell serves what is announced every time: many handshakes, and again after 2 s."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from certcheck.judge.aftermath import turned_away, unsteadiness
from certcheck.judge.changes import Terms, others
from certcheck.model.action import Cell, CellProof, Expectation
from certcheck.model.change import Change
from certcheck.model.finding import Finding
from certcheck.model.observation import Observation
from certcheck.probe.limits import Gate
from certcheck.probe.proof import proof
from certcheck.targets import endpoint
from certcheck.workflow.announcing import Announced
from certcheck.workflow.asking import Asking, hosts_of
from certcheck.workflow.awaited import awaited


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """What many handshakes have shown, and where they were turned away."""

    changes: tuple[Change, ...] = ()
    doubts: tuple[Finding, ...] = ()


def steadiness(
    now: Sequence[Observation],
    asking: Asking,
    announced: Announced,
    terms: Terms,
    *,
    known: Sequence[Change],
) -> Steadiness:
    """What 20 handshakes a port show, 10 of them 2 s after the others, at five a time.

    Places that are known to serve something else are not asked again.
    """
    told = {(c.endpoint, c.address) for c in known if c.field == "deployments" and c.bad}
    sound = [o for o in now if o.outcome == "seen" and (o.endpoint, o.address) not in told]
    wishes = [(o, wish) for o in sound for wish in _wishes(o, asking, announced)]
    if not wishes:
        return Steadiness()
    gate = Gate(asking.limits, hosts_of(now))
    asked = awaited(
        proof([wish for _, wish in wishes], gate=gate, limits=asking.limits, patience=0)
    )
    rows = [(o, wish.sha256, row) for (o, wish), row in zip(wishes, asked.cells, strict=True)]
    return Steadiness(
        changes=tuple(
            change
            for o, leaves, row in rows
            for change in others(o, unsteadiness(row, leaves), terms)
        ),
        doubts=tuple(_doubt(o, row) for o, _, row in rows if turned_away(row)),
    )


def _doubt(seen: Observation, row: CellProof) -> Finding:
    return Finding(
        id=f"not_steady-{row.cell.label}",
        rule="not_steady",
        severity="warning",
        verdict="inconclusive",
        observation=seen.id,
        endpoint=seen.endpoint,
        address=seen.address,
        message="The server turned some of the handshakes away that were to show whether it always "
        "serves the same. Run this again later, or exempt this address from its limits.",
        evidence=row.detail,
    )


def _wishes(seen: Observation, asking: Asking, announced: Announced) -> Iterator[Expectation]:
    bundle = announced.by_endpoint.get(seen.endpoint)
    if bundle is None or seen.address is None:
        return
    service = asking.dialled(endpoint(seen.endpoint), seen.address)
    for name in dict.fromkeys((service.host.server_name, None)):
        cell = Cell(endpoint=service, address=seen.address, server_name=name)
        served = {d.leaf.sha256 for d in seen.deployments if d.server_name == name and d.chain}
        if served:
            yield Expectation(cell=cell, sha256=frozenset(served))
