"""One observation of a server of the zoo, for the tests of the probe."""

import asyncio
from datetime import UTC, datetime

from certcheck.model.endpoint import Hostname, Scheme
from certcheck.model.observation import Observation
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.observe import Depth, observed
from tests.zoo.keeper import Behaviour, kept
from tests.zoo.visit import NAME, at

NOW = datetime(2026, 3, 28, tzinfo=UTC)
LIMITS = Limits(timeout=1.0, back_off=0.1)


def look(  # noqa: PLR0913 - each is one thing that a test decides
    scheme: Scheme,
    behaviour: Behaviour,
    *,
    address: str = "127.0.0.1",
    host: Hostname = NAME,
    gate: Gate | None = None,
    depth: Depth = "quick",
) -> Observation:
    with kept(behaviour, address) as place:
        seen = observed(
            at(place, scheme, host),
            address,
            number=1,
            depth=depth,
            gate=gate or Gate(LIMITS),
            limits=LIMITS,
            at=NOW,
        )
        return asyncio.run(seen)
