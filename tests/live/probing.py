"""What certcheck's own prober sees at services on loopback."""

import asyncio
from datetime import UTC, datetime

from certcheck.model.endpoint import Endpoint
from certcheck.model.observation import Observation
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.observe import Depth, observed

ADDRESS = "127.0.0.1"
LIMITS = Limits(timeout=15.0)
NOW = datetime(2026, 3, 28, tzinfo=UTC)


def seen_at(*targets: Endpoint, depth: Depth = "quick") -> list[Observation]:
    """The observations of all targets, made at once through one gate."""
    gate = Gate(LIMITS)

    async def all_of_them() -> list[Observation]:
        asked = [
            observed(target, ADDRESS, number=number, depth=depth, gate=gate, limits=LIMITS, at=NOW)
            for number, target in enumerate(targets)
        ]
        return list(await asyncio.gather(*asked))

    return asyncio.run(all_of_them())
