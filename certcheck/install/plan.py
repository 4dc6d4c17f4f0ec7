"""From what servers use and what they shall serve: the steps, as values, before any is done."""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from certcheck import x509
from certcheck.errors import InputError, UnfitBundle
from certcheck.host.door import FileState, Host
from certcheck.install.server import Current, MailServer, Slot
from certcheck.model.action import ActionKind, Cell
from certcheck.model.bundle import Generation
from certcheck.names import covers


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One server, what it uses now, and the generation that its default slots shall serve."""

    server: MailServer
    current: Current
    generation: Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do: a file to replace (`data` over `before`), or a program to run.

    `files` are the replaced files that the program makes its server use.
    """

    number: int
    server: str
    kind: ActionKind
    target: str
    argv: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    data: bytes = field(default=b"", repr=False)
    before: FileState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps in their order, the slots that stay as they are, and what to know beforehand."""

    steps: tuple[Step, ...]
    kept: tuple[Slot, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Swap:
    """A file with the content that it shall get, and the slots that name it."""

    server: str
    before: FileState
    data: bytes
    slots: tuple[Slot, ...]


def generation_of(
    slot: Slot, installation: Installation, others: Sequence[Generation]
) -> Generation | None:
    """What the slot shall serve: its server's bundle, for SNI names one that covers them all."""
    if not slot.names:
        return installation.generation
    candidates = (installation.generation, *others)
    return next((g for g in candidates if _covers_all(g, slot.names)), None)


def plan(
    installations: Sequence[Installation], *, others: Sequence[Generation], host: Host
) -> Plan:
    """The steps that make every slot serve its generation.

    Raises InputError when one file would have to hold two bundles, UnfitBundle when a slot would
    keep a certificate of another key type, Obstacle when a file cannot be read. Writes nothing.
    """
    wanted = {
        slot: generation_of(slot, each, others)
        for each in installations
        for slot in each.current.slots
    }
    swaps = _swaps(wanted, host)
    steps: list[Step] = []
    for each in installations:
        steps += _steps(each.server, swaps, len(steps))
    return Plan(
        steps=tuple(steps),
        kept=tuple(slot for slot, generation in wanted.items() if generation is None),
        notes=tuple(_notes(swaps)),
    )


def expected_generation(
    cell: Cell, installation: Installation, others: Sequence[Generation]
) -> Generation | None:
    """The generation that a cell shall serve, None where its slot is kept as it is."""
    fitting = [s for s in installation.current.slots if _serves(s, cell)]
    # The most particular slot wins; among equals Dovecot takes the last.
    best = max(fitting, key=_particularity, default=None)
    if best is None:
        return installation.generation
    last = [s for s in fitting if _particularity(s) == _particularity(best)][-1]
    return generation_of(last, installation, others)


def _covers_all(generation: Generation, names: Sequence[str]) -> bool:
    return all(any(covers(n, name) for n in generation.leaf.names) for name in names)


def _serves(slot: Slot, cell: Cell) -> bool:
    if slot.names and not any(covers(n, cell.server_name or "") for n in slot.names):
        return False
    if slot.networks and not any(_within(cell.address, n) for n in slot.networks):
        return False
    if slot.protocol is not None and slot.protocol != cell.endpoint.protocol:
        return False
    return slot.port is None or slot.port == cell.endpoint.port


def _within(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False  # a host name in `local`: Dovecot resolves it, we leave the slot alone


def _particularity(slot: Slot) -> tuple[bool, bool, bool, bool]:
    return (
        bool(slot.names),
        bool(slot.networks),
        slot.protocol is not None,
        slot.port is not None,
    )


def _swaps(wanted: Mapping[Slot, Generation | None], host: Host) -> list[_Swap]:
    files: dict[Path, list[tuple[Slot, Generation | None, bytes]]] = {}
    states: dict[Path, FileState] = {}
    for slot, generation in wanted.items():
        for path, data in _contents(slot, generation):
            state = host.read(path)
            states[state.path] = state
            files.setdefault(state.path, []).append((slot, generation, data))
    _refuse_lost_key_types(wanted, host)
    return [_swap(states[path], uses) for path, uses in files.items() if _some_wants(uses)]


def _some_wants(uses: Sequence[tuple[Slot, Generation | None, bytes]]) -> bool:
    return any(generation is not None for _, generation, _ in uses)


def _swap(state: FileState, uses: Sequence[tuple[Slot, Generation | None, bytes]]) -> _Swap:
    contents = {(generation.ref if generation else "", data) for _, generation, data in uses}
    if len(contents) > 1:
        who = "; ".join(f"{s.server} {s.label}: {g.ref if g else 'kept'}" for s, g, _ in uses)
        raise InputError(
            f"{state.path} would have to hold different things: {who}",
            hint="give each its own file in the server's configuration",
        )
    return _Swap(
        server=uses[0][0].server,
        before=state,
        data=uses[0][2],
        slots=tuple(slot for slot, _, _ in uses),
    )


def _contents(slot: Slot, generation: Generation | None) -> Iterator[tuple[Path, bytes]]:
    chain = x509.pem(generation.chain) if generation else b""
    key = generation.key_pem if generation else b""
    if slot.chain == slot.key:
        # Postfix wants the key before its chain: postconf(5), smtpd_tls_chain_files.
        yield slot.chain, key + chain
    else:
        yield slot.chain, chain
        yield slot.key, key  # last, so that the pair is broken for as short as can be


def _refuse_lost_key_types(wanted: Mapping[Slot, Generation | None], host: Host) -> None:
    groups: dict[tuple[str, ...], list[Slot]] = {}
    for slot, generation in wanted.items():
        if generation is not None:
            place = (slot.server, *slot.names, *slot.networks, str(slot.protocol), str(slot.port))
            groups.setdefault(place, []).append(slot)
    for slots in groups.values():
        kinds = sorted({kind for slot in slots for kind in _key_types(slot, host)})
        generation = wanted[slots[0]]
        if len(slots) > 1 or len(kinds) > 1:
            where = f"{slots[0].server} {', '.join(slot.label for slot in slots)}"
            raise UnfitBundle(
                f"{where} serves {len(slots)} certificates ({', '.join(kinds) or 'unreadable'}), "
                f"{generation.ref if generation else ''} has one",
                hint="certcheck does not yet install RSA and ECDSA side by side",
            )


def _key_types(slot: Slot, host: Host) -> frozenset[str]:
    try:
        leaves = [c for c in x509.chain(host.read(slot.chain).data, where="") if not c.is_ca]
    except UnfitBundle:
        return frozenset()  # what stands there now is broken: nothing to lose
    return frozenset(leaf.key_type for leaf in leaves)


def _steps(server: MailServer, swaps: Sequence[_Swap], done: int) -> Iterator[Step]:
    changed = [swap for swap in swaps if swap.data != swap.before.data]
    own = [swap for swap in changed if swap.server == server.name]
    for number, swap in enumerate(own, done + 1):
        yield Step(
            number=number,
            server=server.name,
            kind="replace_file",
            target=str(swap.before.path),
            data=swap.data,
            before=swap.before,
        )
    # A file that two servers use is written with the first of them, and activated with both.
    used = [(swap, s) for swap in changed for s in swap.slots if s.server == server.name]
    files = tuple(dict.fromkeys(str(swap.before.path) for swap, _ in used))
    commands = (server.check(), *server.activate([slot for _, slot in used]))
    for number, command in enumerate(commands, done + len(own) + 1):
        yield Step(
            number=number,
            server=server.name,
            kind=command.kind,
            target=" ".join(command.argv),
            argv=command.argv,
            files=files,
        )


def _notes(swaps: Sequence[_Swap]) -> Iterator[str]:
    for server in dict.fromkeys(swap.server for swap in swaps):
        apart = [s for swap in swaps for s in swap.slots if s.server == server and s.chain != s.key]
        if apart:
            yield (
                f"{server} keeps certificate and key in two files: between the two writes and the "
                "reload a new process could read a pair that does not match"
            )
