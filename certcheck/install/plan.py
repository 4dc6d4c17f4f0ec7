"""From what servers use and what they shall serve: the steps, as values, before any is done."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from certcheck.errors import Obstacle
from certcheck.host.door import FileState, Host
from certcheck.install.files import Swap, readable_by_all, swaps
from certcheck.install.filling import Fillings, Installation
from certcheck.install.server import Command, MailServer, Slot
from certcheck.model.action import ActionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do: a file to replace (`data` over `before`), or a program to run.

    `like` is what the new file's owner, mode and attributes are taken from. `files` are the
    replaced files that the program makes its server use.
    """

    number: int
    server: str
    kind: ActionKind
    target: str
    argv: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    data: bytes = field(default=b"", repr=False)
    before: FileState | None = None
    like: FileState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps in their order, the slots that stay as they are, and what to know beforehand."""

    steps: tuple[Step, ...]
    kept: tuple[Slot, ...]
    notes: tuple[str, ...]


def plan(installations: Sequence[Installation], filled: Fillings, *, host: Host) -> Plan:
    """The steps that make every slot hold what it shall.

    First each server's own test, which must not fail later; then server by server its files and
    what makes it use them, without anything between. Raises what `files.swaps` raises. Writes
    nothing.
    """
    found = swaps(filled, host)
    steps: list[Step] = []
    for each in installations:
        steps.append(_program(each.server, each.server.check(), len(steps) + 1))
    for each in installations:
        steps += _steps(each.server, [swap for swap in found if swap.changes], len(steps))
    return Plan(
        steps=tuple(steps),
        kept=tuple(slot for slot, filling in filled.items() if filling is None),
        notes=(
            *_notes(found, installations),
            *readable_by_all(found),
            *_left_out(filled),
            *(f"{each.server.name}: {each.server.impact()}" for each in installations),
        ),
    )


def unchanged(steps: Plan, host: Host) -> None:
    """Look again just before the first write; raises Obstacle where a file is another one now."""
    for step in steps.steps:
        if step.before is not None and host.read(step.before.path).sha256 != step.before.sha256:
            raise Obstacle(
                f"{step.before.path} has changed since it was looked at, nothing was written",
                hint="another program writes it too; run again when that one is done",
            )


def _steps(server: MailServer, changed: Sequence[Swap], done: int) -> Iterator[Step]:
    own = [swap for swap in changed if swap.server == server.name]
    for number, swap in enumerate(own, done + 1):
        yield Step(
            number=number,
            server=server.name,
            kind="replace_file",
            target=str(swap.before.path),
            data=swap.data,
            before=swap.before,
            like=swap.like,
        )
    # A file that two servers use is written with the first of them, and activated with both.
    used = [(swap, s) for swap in changed for s in swap.slots if s.server == server.name]
    files = tuple(dict.fromkeys(str(swap.before.path) for swap, _ in used))
    commands = server.activate([slot for _, slot in used])
    for number, command in enumerate(commands, done + len(own) + 1):
        yield _program(server, command, number, files)


def _program(
    server: MailServer, command: Command, number: int, files: tuple[str, ...] = ()
) -> Step:
    return Step(
        number=number,
        server=server.name,
        kind=command.kind,
        target=" ".join(command.argv),
        argv=command.argv,
        files=files,
    )


def _notes(found: Sequence[Swap], installations: Sequence[Installation]) -> Iterator[str]:
    for each in installations:
        name = each.server.name
        slots = [s for swap in found if swap.changes for s in swap.slots if s.server == name]
        if any(slot.chain != slot.key for slot in slots):
            yield (
                f"{name} keeps certificate and key in two files: a process that starts between the "
                f"two writes and the reload may read a pair that does not match. To close that "
                f"gap, {each.current.one_file}"
            )


def _left_out(filled: Fillings) -> Iterator[str]:
    for slot, filling in filled.items():
        if filling and filling.left_out:
            yield (
                f"{slot.server} {slot.label} has room for one certificate: of {filling.ref} the "
                f"{' and '.join(filling.left_out)} one is left out"
            )
