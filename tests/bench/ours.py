"""What has no command of its own, by the library: suites by hello, sslyze by the bridge, hellos.

`python -m tests.bench.ours WORK SCHEME ADDRESS PORT` prints what it saw as one JSON document.
"""

import asyncio
import itertools
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from certcheck.lab.plan import HOST
from certcheck.model.observation import TlsVersion
from certcheck.probe.crossing import Question, Trouble, answered
from certcheck.probe.doubt import Doubt
from certcheck.probe.hello import Offer
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.look import Door
from certcheck.probe.reply import reply
from certcheck.targets import endpoint

HELLOS = Path(__file__).parent.parent.parent / "fixtures" / "hellos"
HELLO_COUNT = 60
LIMITS = Limits(per_host=5)
UNUSUAL: Sequence[TlsVersion] = ("TLSv1.0", "TLSv1.1")
USUAL: Sequence[TlsVersion] = ("TLSv1.2", "TLSv1.3")

Seen = dict[str, Any]


async def _suites(door: Door) -> Seen:
    from certcheck.probe.enumeration import enumerated

    found = await enumerated(door, ())
    return {"suites": found.suites, "doubts": found.doubts, "connections": found.connections}


async def _bridge(door: Door) -> Seen:
    from certcheck.probe.scan import scanned

    doubt = Doubt()
    found = await scanned(door, (), more=_versions(door, doubt), checks=False)
    leaves = {each.chain[0].sha256.lower() for each in found.found}
    return {
        "suites": found.suites,
        "fingerprints": sorted(leaves),
        "doubts": (*doubt.taints(), *found.doubts),
        "connections": door.gate.connections,
    }


async def _versions(door: Door, doubt: Doubt) -> Sequence[TlsVersion]:
    # As an audit does it: sslyze is asked about versions that are there.
    from certcheck.probe.families import wholes
    from certcheck.probe.offering import chosen
    from certcheck.probe.oldest import oldest_versions

    offers = [
        Offer(version=version, suites=whole, server_name=HOST)
        for version in UNUSUAL
        for whole in wholes()
    ]
    old, said = await asyncio.gather(
        oldest_versions(door), asyncio.gather(*(chosen(door, doubt, each) for each in offers))
    )
    for text in (*old.doubts, *(each.text for each in said if isinstance(each, Trouble))):
        doubt.taint(text)
    taken = {offer.version for offer, each in zip(offers, said, strict=True) if each}
    return (*old.versions, *(each for each in UNUSUAL if each in taken), *USUAL)


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
