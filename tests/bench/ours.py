"""What has no command of its own, by the library: suites by hello, sslyze by the bridge, hellos.

`python -m tests.bench.ours WORK SCHEME ADDRESS PORT` prints what it saw as one JSON document.
"""

import asyncio
import itertools
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from certcheck.lab.plan import HOST
from certcheck.probe.crossing import Question, answered
from certcheck.probe.doubt import Doubt
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.look import Door
from certcheck.probe.reply import reply
from certcheck.targets import endpoint

HELLOS = Path(__file__).parent.parent.parent / "fixtures" / "hellos"
HELLO_COUNT = 60
LIMITS = Limits(per_host=5)

Seen = dict[str, Any]


async def _suites(door: Door) -> Seen:
    from certcheck.probe.enumeration import enumerated

    found = await enumerated(door, ())
    return {"suites": found.suites, "doubts": found.doubts, "connections": found.connections}


async def _bridge(door: Door) -> Seen:
    from certcheck.probe.observe import observed
    from certcheck.probe.oldest import oldest_versions
    from certcheck.probe.scan import scanned
    from certcheck.probe.scan_words import SUITES

    # As an audit does it: sslyze is asked about versions that are there.
    seen = await observed(
        *(door.endpoint, door.address),
        number=1,
        depth="quick",
        gate=door.gate,
        limits=door.limits,
        at=datetime.now(UTC),
    )
    old = await oldest_versions(door)
    versions = [v for v in SUITES if v in (*seen.protocols, *old.versions)]
    found = await scanned(door, versions, checks=False)
    leaves = {each.chain[0].sha256.lower() for each in found.found}
    return {
        "suites": found.suites,
        "fingerprints": sorted(leaves),
        "doubts": (*seen.doubts, *old.doubts, *found.doubts),
        "connections": seen.connections + old.connections + found.connections,
    }


async def _hellos(door: Door) -> Seen:
    doubt = Doubt()
    every = itertools.islice(itertools.cycle(_captured()), HELLO_COUNT)
    said = await asyncio.gather(
        *(
            answered(door, doubt, Question(hello=hello, enough=lambda data: bool(reply(data))))
            for hello in every
        )
    )
    chosen = [reply(each) for each in said if isinstance(each, bytes)]
    return {
        "hellos": len(said),
        "connections": doubt.connections,
        "answers": sum(1 for each in chosen if each and each.alert is None),
        "doubts": [each.text for each in said if each and not isinstance(each, bytes)],
    }


def _captured() -> Sequence[bytes]:
    files = sorted(HELLOS.glob("*.hex"))
    return [bytes.fromhex(path.read_text("ascii")) for path in files]


WORKS: Mapping[str, Callable[[Door], Awaitable[Seen]]] = {
    "suites": _suites,
    "bridge": _bridge,
    "hellos": _hellos,
}


def main(work: str, scheme: str, address: str, port: str) -> None:
    """Do one work at one server, and print what was seen."""
    service = endpoint(f"{scheme}://{HOST}:{port}")
    door = Door(endpoint=service, address=address, gate=Gate(LIMITS), limits=LIMITS)

    async def done() -> Seen:
        return await WORKS[work](door)

    json.dump(asyncio.run(done()), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
