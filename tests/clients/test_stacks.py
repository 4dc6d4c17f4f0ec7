"""Every known hello at real servers gets the version and the suite that the rules say."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from certcheck.judge.negotiation import contradiction, negotiated
from certcheck.judge.prediction import served_to
from certcheck.judge.profiles import stacks
from certcheck.model.client import Stack
from certcheck.model.observation import Knock
from certcheck.probe.knock import distinct, knocked
from certcheck.probe.limits import Gate
from certcheck.probe.look import Door
from tests.clients import proof
from tests.clients.servers import Site, up
from tests.clients.shapes import SHAPES, Shape

pytestmark = pytest.mark.live

_IDS = {"modern", "wide", "ordered", "tls12-rsa", "tls12-ecdsa", "tls13", "rsa", "ecdsa", "p384"}
_SHAPES = tuple(each for each in SHAPES if each.id in _IDS)


@pytest.mark.timeout(600)
def test_every_stack_gets_from_real_servers_what_the_rules_say(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with up(tmp_path, _SHAPES) as site:
        seen = proof.seen(site, _SHAPES)
        answers = asyncio.run(_answers(site))

    different, said = [], 0
    for shape, server, stack, knock in answers:
        observation = seen[shape.id, server]
        deployments = served_to(stack, observation, shape.host)
        expected = negotiated(stack, observation, deployments)
        said += 1
        assert not knock.doubt, (shape.id, server, stack.id, knock)
        if what := contradiction(expected, knock):
            different.append((shape.id, server, stack.id, what))
    record_property("measured", f"{said - len(different)} of {said} hellos answered as expected")
    assert different == []


async def _answers(site: Site) -> list[tuple[Shape, str, Stack, Knock]]:
    gate = Gate(proof.LIMITS)
    stack_groups = distinct(tuple(stacks().values()))

    async def one(shape: Shape, server: str, stack: Stack) -> tuple[Shape, str, Stack, Knock]:
        service = site.services(shape)[server]
        address = site.addresses[shape.id]
        door = Door(endpoint=service, address=address, gate=gate, limits=proof.LIMITS)
        return shape, server, stack, await knocked(door, stack)

    asked = [
        one(shape, server, same[0])
        for shape in _SHAPES
        for server in site.services(shape)
        for same in stack_groups
    ]
    return list(await asyncio.gather(*asked))
