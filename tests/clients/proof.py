"""The proof: certcheck looks at every server and predicts, then the real programs connect."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from certcheck.judge.prediction import Known, predicted
from certcheck.judge.profiles import clients
from certcheck.judge.stores import stores
from certcheck.model.certificate import Certificate
from certcheck.model.client import Client, Store
from certcheck.model.endpoint import Endpoint
from certcheck.model.observation import Observation
from certcheck.model.prediction import Prediction
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.observe import observed
from tests.clients.pairs import Pair
from tests.clients.programs import Done, Program
from tests.clients.running import done
from tests.clients.servers import Site
from tests.clients.shapes import Shape

LIMITS = Limits(timeout=20.0)
_AT_ONCE = 4
Seen = Mapping[tuple[str, str], Observation]


def seen(site: Site, shapes: Sequence[Shape]) -> Seen:
    """What certcheck sees at every server, by shape and name of the server."""
    return asyncio.run(_seen(site, shapes))


async def _seen(site: Site, shapes: Sequence[Shape]) -> Seen:
    gate = Gate(LIMITS)

    async def one(service: Endpoint, address: str) -> Observation:
        return await observed(
            *(service, address),
            number=1,
            depth="hellos",
            gate=gate,
            limits=LIMITS,
            at=datetime.now(UTC),
        )

    asked = {
        (shape.id, name): one(service, site.addresses[shape.id])
        for shape in shapes
        for name, service in site.services(shape).items()
    }
    return dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))


def pairs(
    site: Site, shapes: Sequence[Shape], programs: Sequence[Program], observations: Seen
) -> tuple[Pair, ...]:
    """Every program at every shape, in order."""
    wanted = [(program, shape) for program in programs for shape in shapes]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        ended = pool.map(lambda each: done(each[0], site, each[1]), wanted)
        return tuple(
            _pair(program, shape, observations[shape.id, program.server], site.trusted, how)
            for (program, shape), how in zip(wanted, ended, strict=True)
        )


def _pair(program: Program, shape: Shape, seen: Observation, root: Certificate, how: Done) -> Pair:
    told = prediction(clients()[program.client], shape, seen, root)
    return Pair(
        client=program.client,
        program=program.name,
        shape=shape.id,
        predicted=told.result,
        happened=program.read(how),
        reason=re.sub(r"\d{4}-\d\d-\d\d", "DATE", told.reason),
    )


def prediction(client: Client, shape: Shape, seen: Observation, root: Certificate) -> Prediction:
    """What certcheck says of the client, whose owner has told it to trust `root`."""
    known = Known(stores={**stores(), **_with(client, root)}, now=datetime.now(UTC))
    return predicted(client, seen, shape.host, known)


def _with(client: Client, root: Certificate) -> Mapping[str, Store]:
    if client.store is None or client.store == "none":
        return {}
    usual = stores().get(client.store) or Store(
        id=client.store, name=client.store, at=datetime.now(UTC).date(), source="", roots=()
    )
    return {client.store: replace(usual, roots=(*usual.roots, root))}
