"""Waiting until every authoritative server has the TXT records that an authority will look for."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from certcheck import dns
from certcheck.errors import Obstacle, listed

Say = Callable[[str], None]
Record = tuple[str, str]  # the owner, such as _acme-challenge.example.org, and the value

_AT_ONCE = 16
_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, in seconds: in all, and for a server that says nothing useful.

    `pause` lies between two questions to a server; `port` is where name servers listen.
    """

    whole: float = 120.0
    silence: float = 10.0
    pause: float = 2.0
    port: int = 53


USUAL = Patience()


@dataclass(slots=True, kw_only=True)
class _Place:
    """A server that shall have `values` at `owner`, and when it last spoke with authority."""

    owner: str
    server: dns.NameServer
    values: frozenset[str]
    heard: float = field(default_factory=time.monotonic)
    answer: dns.Answer[str] = field(default_factory=lambda: dns.Answer(status="none"))

    def ask(self) -> None:
        self.answer = dns.texts(self.owner, self.server)
        if self.answer.status != "failed":
            self.heard = time.monotonic()

    @property
    def complete(self) -> bool:
        return self.values.issubset(self.answer.records)


def await_everywhere(
    records: Sequence[Record], *, resolver: dns.Resolver, say: Say, patience: Patience = USUAL
) -> None:
    """Return when every server of the zones has all the records.

    A server that cannot be asked, or a zone whose servers cannot be found, is a warning to `say`:
    the authority may reach more than this host. Raises Obstacle for servers that still answer
    without the records at the end.
    """
    end = time.monotonic() + patience.whole
    pending = list(_places(records, resolver, say, patience))
    if pending:
        servers = ", ".join(sorted({str(place.server) for place in pending})[:_TOLD])
        say(f"waiting until the TXT records are everywhere: {servers}")
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        while pending := _asked(pending, pool, say, patience):
            if time.monotonic() + patience.pause > end:
                raise _lacking(pending, patience)
            time.sleep(patience.pause)


def _places(
    records: Sequence[Record], resolver: dns.Resolver, say: Say, patience: Patience
) -> Iterator[_Place]:
    wanted = {o: frozenset(v for owner, v in records if owner == o) for o, _ in records}
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        held = list(
            pool.map(lambda o: dns.holders(o, resolver=resolver, port=patience.port), wanted)
        )
    for found, (owner, values) in zip(held, wanted.items(), strict=True):
        if not found.servers:
            say(f"warning: nobody knows which servers have {owner}: {found.detail}; going on")
        for server in found.servers:
            yield _Place(owner=found.owner, server=server, values=values)


def _asked(
    places: Sequence[_Place], pool: ThreadPoolExecutor, say: Say, patience: Patience
) -> list[_Place]:
    """The places that lack a record, and are worth to be asked again."""
    list(pool.map(_Place.ask, places))
    lacking = [place for place in places if not place.complete]
    now = time.monotonic()
    silent = {p.server: p.answer.detail for p in lacking if now - p.heard > patience.silence}
    for server, detail in silent.items():
        say(f"warning: name server {server} cannot be asked: {detail}; going on without it")
    return [place for place in lacking if place.server not in silent]


def _lacking(places: Sequence[_Place], patience: Patience) -> Obstacle:
    owners: Mapping[str, str] = {str(place.server): place.owner for place in places}
    lacking = [f"{server} has no {owner}" for server, owner in owners.items()]
    told = listed(lacking, most=_TOLD, between="; ")
    return Obstacle(
        f"TXT records are not everywhere after {patience.whole:g} s: {told}",
        hint="look at the transfer from the primary to its secondaries, then try again",
    )
