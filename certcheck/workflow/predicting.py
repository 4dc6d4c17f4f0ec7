"""Which mail programs connect, ask or are locked out: by knocking as each of them, and by rules."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from certcheck.judge.advice import Advice, advice
from certcheck.judge.plans import Plan, planned
from certcheck.judge.prediction import Known, predicted
from certcheck.judge.stores import stores
from certcheck.model.client import Client, Role, Stack
from certcheck.model.endpoint import Endpoint
from certcheck.model.observation import Knock, Observation
from certcheck.model.run import Row, Run
from certcheck.probe.knock import distinct, knocked
from certcheck.probe.limits import Gate
from certcheck.probe.look import Door
from certcheck.targets import endpoint
from certcheck.workflow.asking import Asking, Progress, Step, hosts_of
from certcheck.workflow.awaited import awaited

_AT_ONCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which programs are asked about, and what the servers will be, if not what they are.

    `before` has the SHA-256 of certificates that programs know, if not those that are served.
    """

    clients: tuple[Client, ...]
    plan: Plan | None = None
    before: frozenset[str] | None = None

    @property
    def knocks(self) -> bool:
        """Whether the servers' answers of today will still hold by then."""
        return self.plan is None or self.plan.tls is None

    def at(self, service: Endpoint) -> tuple[Client, ...]:
        """The programs that use such a service."""
        role = _role(service)
        return tuple(each for each in self.clients if role in each.roles)

    def stacks(self, service: Endpoint) -> tuple[Stack, ...]:
        """Their TLS stacks, each once."""
        known = {each.stack.id: each.stack for each in self.at(service) if each.stack}
        return tuple(known.values())

    def hellos(self, service: Endpoint) -> int:
        """How many connections knocking there takes, if the server answers each at once."""
        return len(distinct(self.stacks(service))) if self.knocks else 0


def _role(service: Endpoint) -> Role | None:
    # Port 25 is for other servers; on any other port SMTP is how programs send.
    if service.protocol in ("imap", "pop3"):
        return "read"
    if service.protocol == "smtp":
        return "relay" if service.port == 25 else "send"  # noqa: PLR2004 - RFC 5321 4.5.4.2
    return None


def with_knocks(
    observations: Sequence[Observation], wish: Wish, asking: Asking, *, seen: Progress
) -> tuple[Observation, ...]:
    """The observations with what each server said to the hello of each stack, as it is now."""
    return awaited(_all_knocked(observations, wish, asking, seen))


async def _all_knocked(
    observations: Sequence[Observation], wish: Wish, asking: Asking, seen: Progress
) -> tuple[Observation, ...]:
    gate = Gate(asking.limits, hosts_of(observations))
    turns = asyncio.Semaphore(_AT_ONCE)
    done = 0

    async def one(observation: Observation) -> Observation:
        nonlocal done
        async with turns:
            found = await _with_knocks(observation, wish, asking, gate)
        done += 1
        step = endpoint(observation.endpoint).label
        seen(Step(what=f"clients: {step}", done=done, total=len(observations)))
        return found

    return tuple(await asyncio.gather(*map(one, observations)))


async def _with_knocks(
    observation: Observation, wish: Wish, asking: Asking, gate: Gate
) -> Observation:
    service = endpoint(observation.endpoint)
    if observation.outcome != "seen" or observation.address is None:
        return observation
    dialled = asking.dialled(service, observation.address)
    door = Door(endpoint=dialled, address=observation.address, gate=gate, limits=asking.limits)
    groups = distinct(wish.stacks(service))
    answers = await asyncio.gather(*(knocked(door, same[0]) for same in groups))
    knocks = tuple(_spread(groups, answers))
    spent = sum(each.connections for each in answers)
    return replace(observation, knocks=knocks, connections=observation.connections + spent)


def _spread(groups: Sequence[Sequence[Stack]], answers: Sequence[Knock]) -> Iterator[Knock]:
    for same, answer in zip(groups, answers, strict=True):
        for number, stack in enumerate(same):
            spent = 0 if number else answer.connections
            yield replace(answer, stack=stack.id, connections=spent)


def unasked(service: Endpoint) -> Observation:
    """An endpoint that nobody has looked at, for a plan that says all of it."""
    return Observation(
        id="planned",
        endpoint=service.url,
        tls_mode=service.tls_mode,
        address=None,
        server_name=service.host.server_name,
        at=None,
        outcome="inconclusive",
    )


def foretold(run: Run, observations: Sequence[Observation], wish: Wish, now: datetime) -> Run:
    """The run with what each program will do at each endpoint and address, and with advice.

    By what is there, or by what is planned. Advice is one row for each change that lets
    locked-out programs in.
    """
    before = _leaves(observations) if wish.before is None else wish.before
    known = Known(stores=stores(), now=now, before=before)
    future = [planned(each, wish.plan) if wish.plan else each for each in observations]
    predictions = tuple(
        predicted(client, each, _name(each), known)
        for each in future
        for client in wish.at(endpoint(each.endpoint))
    )
    return replace(run, predictions=predictions, rows=(*run.rows, *_advised(future, wish, known)))


def _advised(future: Sequence[Observation], wish: Wish, known: Known) -> Iterator[Row]:
    found: dict[str, list[tuple[Endpoint, Advice]]] = {}
    for each in future:
        service = endpoint(each.endpoint)
        for one in advice(wish.at(service), each, _name(each), known):
            found.setdefault(one.remedy.id, []).append((service, one))
    yield from map(_row, found.values())


def _name(seen: Observation) -> str:
    return endpoint(seen.endpoint).host.ascii


def _row(cases: Sequence[tuple[Endpoint, Advice]]) -> Row:
    remedy = cases[0][1].remedy
    helped = dict.fromkeys(client.id for _, each in cases for client in each.helped)
    return {
        "advice": remedy.title,
        "helps": tuple(helped),
        "at": tuple(service.url for service, _ in cases),
        **remedy.settings,
        "cost": remedy.cost,
    }


def _leaves(observations: Sequence[Observation]) -> Collection[str]:
    return frozenset(d.leaf.sha256 for each in observations for d in each.certificates)
