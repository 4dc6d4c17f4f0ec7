"""From what servers use and what they shall serve: the steps, as values, before any is done."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from certcheck import x509
from certcheck.errors import InputError
from certcheck.host.door import FileState, Host
from certcheck.install.filling import Filling, Fillings, Installation
from certcheck.install.server import MailServer, Slot
from certcheck.model.action import ActionKind, Cell
from certcheck.names import covers


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


_Use = tuple[Slot, Filling | None, bytes]
"""A slot that names a file, what it shall hold, and what the file would then contain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Swap:
    """A file with the content that it shall get, and the slots that name it."""

    server: str
    before: FileState
    data: bytes
    slots: tuple[Slot, ...]


def plan(installations: Sequence[Installation], filled: Fillings, *, host: Host) -> Plan:
    """The steps that make every slot hold what it shall.

    Raises InputError when one file would have to hold two things, Obstacle when a file cannot be
    read. Writes nothing.
    """
    swaps = _swaps(filled, host)
    steps: list[Step] = []
    for each in installations:
        steps += _steps(each.server, swaps, len(steps))
    return Plan(
        steps=tuple(steps),
        kept=tuple(slot for slot, filling in filled.items() if filling is None),
        notes=(*_notes(swaps), *_left_out(filled)),
    )


def expected(cell: Cell, installation: Installation, filled: Fillings) -> frozenset[str] | None:
    """The leaves (SHA-256) that a cell shall serve, None where its slot is kept as it is."""
    fitting = [s for s in installation.current.slots if _serves(s, cell)]
    # The most particular slot wins; among equals Dovecot takes the last.
    best = max(fitting, key=_particularity, default=None)
    if best is None:
        return installation.generation.leaves
    last = [s for s in fitting if _particularity(s) == _particularity(best)][-1]
    holds = [filled[slot] for slot in fitting if slot.place == last.place]
    leaves = frozenset[str]().union(*(each.leaves for each in holds if each))
    return leaves or None


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


def _swaps(filled: Fillings, host: Host) -> list[_Swap]:
    files: dict[Path, list[_Use]] = {}
    states: dict[Path, FileState] = {}
    for slot, filling in filled.items():
        for path, data in _contents(slot, filling):
            state = host.read(path)
            states[state.path] = state
            files.setdefault(state.path, []).append((slot, filling, data))
    return [_swap(states[path], uses) for path, uses in files.items() if _some_wants(uses)]


def _some_wants(uses: Sequence[_Use]) -> bool:
    return any(filling is not None for _, filling, _ in uses)


def _swap(state: FileState, uses: Sequence[_Use]) -> _Swap:
    contents = {(filling.ref if filling else "", data) for _, filling, data in uses}
    if len(contents) > 1:
        who = "; ".join(f"{s.server} {s.label}: {_held(filling)}" for s, filling, _ in uses)
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


def _held(filling: Filling | None) -> str:
    if filling is None:
        return "kept"
    return f"{filling.ref} ({', '.join(pair.leaf.key_type for pair in filling.pairs)})"


def _contents(slot: Slot, filling: Filling | None) -> Iterator[tuple[Path, bytes]]:
    pairs = [(pair.key_pem, x509.pem(pair.chain)) for pair in filling.pairs] if filling else []
    if slot.chain == slot.key:
        # Postfix wants each key before its chain: postconf(5), smtpd_tls_chain_files.
        yield slot.chain, b"".join(key + chain for key, chain in pairs)
    else:
        yield slot.chain, b"".join(chain for _, chain in pairs)
        # Last, so that the pair is broken for as short as can be.
        yield slot.key, b"".join(key for key, _ in pairs)


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


def _left_out(filled: Fillings) -> Iterator[str]:
    for slot, filling in filled.items():
        if filling and filling.left_out:
            yield (
                f"{slot.server} {slot.label} has room for one certificate: of {filling.ref} the "
                f"{' and '.join(filling.left_out)} one is left out"
            )
