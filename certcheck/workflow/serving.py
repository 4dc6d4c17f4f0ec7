"""Which cells a mail host serves, and which generation each of them shall serve."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from certcheck.config import ServerKind, ServerTable, Site
from certcheck.errors import Obstacle
from certcheck.install.expected import expected
from certcheck.install.filling import Fillings, Installation
from certcheck.install.server import Listener
from certcheck.model.action import Cell, CellProof, Expectation
from certcheck.model.bundle import Generation
from certcheck.model.endpoint import Endpoint, Protocol
from certcheck.workflow.asking import Asking

# Where an endpoint of certcheck.toml matches no listener, the kind of server that speaks for it.
_SPEAKS: Mapping[ServerKind, frozenset[Protocol]] = {
    "dovecot": frozenset({"imap", "pop3", "sieve", "lmtp"}),
    "postfix": frozenset({"smtp"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A cell, and the installation whose server answers for it."""

    cell: Cell
    installation: Installation


def cells(
    site: Site, tables: Sequence[ServerTable], installations: Sequence[Installation], asking: Asking
) -> tuple[Served, ...]:
    """Every cell of these servers: the ports of their own configuration, and the toml's.

    Raises Obstacle when a host has no address, or a server no port.
    """
    found: dict[Cell, Served] = {}
    both = list(zip(tables, installations, strict=True))
    for table, installation in both:
        neighbours = (i for t, i in both if t.host == table.host)
        ports = {each.port for i in neighbours for each in i.current.listeners}
        for cell in _cells_of(site, table, installation, ports, asking):
            found.setdefault(cell, Served(cell=cell, installation=installation))
    provable = {each.installation.server.name for each in found.values()}
    without = {i.server.name for i in installations} - provable
    if without:
        raise _nothing_to_prove(without)
    return tuple(found.values())


def expectations(
    served: Sequence[Served], before: Sequence[CellProof], filled: Fillings
) -> tuple[tuple[Expectation, ...], tuple[Expectation, ...]]:
    """What each cell served before, and what it shall serve after: the two sides of a journal.

    Raises Obstacle when a port does not answer at all, or a server has no port with TLS. A port
    without TLS is left out; one whose TLS is broken has no before.
    """
    refuse_unanswered(before)
    past, future = [], []
    unproved = {each.installation.server.name for each in served}
    for each, now in zip(served, before, strict=True):
        leaves = frozenset(leaf for leaf, _ in now.served)
        if now.detail.startswith("starttls_not_offered"):
            continue
        after = expected(each.cell, each.installation, filled) or leaves
        if leaves:
            past.append(Expectation(cell=each.cell, sha256=leaves))
        if after:
            future.append(Expectation(cell=each.cell, sha256=after))
            unproved.discard(each.installation.server.name)
    if unproved:
        raise _nothing_to_prove(unproved)
    return tuple(past), tuple(future)


def names_to_cover(generation: Generation, site: Site) -> tuple[str, ...]:
    """Every name that the bundle must cover: its own, and those of the endpoints that use it."""
    listed = [n.ascii for b in site.bundle if b.name == generation.bundle for n in b.names]
    used = [e.url.host.ascii for e in site.endpoint if e.bundle == generation.bundle]
    return tuple(dict.fromkeys((*(listed or generation.names), *used)))


def _nothing_to_prove(servers: set[str]) -> Obstacle:
    return Obstacle(
        f"no port with TLS could prove an installation into {', '.join(sorted(servers))}",
        hint="switch TLS on there, or list its [[endpoint]]s",
    )


def refuse_unanswered(before: Sequence[CellProof]) -> None:
    """Raise Obstacle for ports that do not answer now: nothing could be proved afterwards."""
    silent = [p.cell for p in before if p.detail.startswith(("refused", "unreachable"))]
    if silent:
        ports = "; ".join(sorted({f"{c.endpoint.label} at {c.address}" for c in silent}))
        raise Obstacle(
            f"does not answer now, so nothing could be proved afterwards: {ports}",
            hint="start the server, or correct certcheck.toml",
        )


def _cells_of(
    site: Site,
    table: ServerTable,
    installation: Installation,
    listened: set[int],
    asking: Asking,
) -> Iterator[Cell]:
    # A wildcard covers what is one label below it, and not the name itself.
    names = {n.replace("*", "certcheck", 1) for s in installation.current.slots for n in s.names}
    for listener in installation.current.listeners:
        for service in _endpoints_at(site, table, listener):
            yield from _cells_at(*_dialled(service, listener.address, table, asking), names)
    for entry in site.endpoint:
        foreign = entry.host is not None and entry.host != table.host
        if foreign or entry.url.port in listened or entry.url.protocol not in _SPEAKS[table.kind]:
            continue
        yield from _cells_at(*_dialled(entry.url, None, table, asking), names)


def _cells_at(service: Endpoint, addresses: Sequence[str], names: set[str]) -> Iterator[Cell]:
    for address in addresses:
        yield Cell(endpoint=service, address=address, server_name=None)
        own = service.host.server_name
        for name in sorted(names | ({own} if own else set())):
            yield Cell(endpoint=service, address=address, server_name=name)


def _endpoints_at(site: Site, table: ServerTable, listener: Listener) -> list[Endpoint]:
    named = [
        e.url for e in site.endpoint if e.url.port == listener.port and e.host in {None, table.host}
    ]
    return named or [Endpoint(scheme=listener.scheme, host=table.host, port=listener.port)]


def _dialled(
    service: Endpoint, own: str | None, table: ServerTable, asking: Asking
) -> tuple[Endpoint, tuple[str, ...]]:
    if redirects := asking.redirects_of(service):
        first = redirects[0].address
        alike = [r.address for r in redirects if r.to_port == redirects[0].to_port]
        return asking.dialled(service, first), tuple(dict.fromkeys(alike))
    return service, asking.of_family([own]) if own else _addresses(table, asking)


def _addresses(table: ServerTable, asking: Asking) -> tuple[str, ...]:
    listed = asking.site.addresses_of(table.host)
    found = asking.of_family(listed or asking.resolved(table.host).records)
    if not found:
        raise Obstacle(
            f"{table.host.ascii} has no address", hint="give its [[host]] some in certcheck.toml"
        )
    return found
