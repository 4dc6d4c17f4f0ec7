"""Two make-believe servers on real files, whose every move can fail or be the last."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from certcheck.errors import Obstacle
from certcheck.host.door import Completed, FileState
from certcheck.host.local import LocalHost
from certcheck.install.carry_out import Outcome, activations, carry_out
from certcheck.install.plan import Plan, Step
from certcheck.install.undo import WayBack, undo
from certcheck.model.action import Cell, CellProof, Expectation, Proof
from certcheck.store import journal
from certcheck.store.journal import Journal, Opened
from certcheck.targets import endpoint

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
LOCAL = LocalHost()

Fault = Callable[[int, str], None]
"""Called before and after each move with its number and what it is; it may raise, or exit."""


def no_fault(_number: int, _what: str) -> None:
    """All goes well."""


@dataclass(kw_only=True)
class Machine:
    """A Host: files are real; `reload SERVER FILE...` makes a server serve what stands there."""

    served: Path
    fault: Fault = no_fault
    moves: int = 0
    commands: list[str] = field(default_factory=list)

    @property
    def privileged(self) -> bool:
        return True

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 30.0,
        grace: float = 0.0,
    ) -> Completed:
        del stdin, timeout, grace
        self.commands.append(argv[1])
        self._move(f"run {' '.join(argv)}")
        if argv[0] == "reload":
            target = self.served / argv[1]
            target.write_bytes(b"".join(Path(name).read_bytes() for name in argv[2:]))
        self._move(f"ran {' '.join(argv)}")
        return Completed(code=0, stdout="", stderr="")

    def read(self, path: Path) -> FileState:
        return LOCAL.read(path)

    def replace(self, path: Path, data: bytes, *, expecting: str | None, like: FileState) -> None:
        self._move(f"replace {path.name}")
        LOCAL.replace(path, data, expecting=expecting, like=like)
        self._move(f"replaced {path.name}")

    def tidy(self, path: Path) -> None:
        LOCAL.tidy(path)

    def _move(self, what: str) -> None:
        self.moves += 1
        self.fault(self.moves, what)


class Bench:
    """Server A with two files, server B with one of them and its own, a store, and a plan."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        served = folder / "served"
        served.mkdir()
        self.files = {name: folder / name for name in ("a.pem", "shared.pem", "b.pem")}
        for name, path in self.files.items():
            path.write_bytes(f"old {name}".encode())
        self.machine = Machine(served=served)
        self.uses = {"A": ("a.pem", "shared.pem"), "B": ("shared.pem", "b.pem")}
        for server, names in self.uses.items():
            self.machine.run(self.reload(server, names))
        self.machine.commands.clear()
        self.machine.moves = 0

    def reload(self, server: str, names: Sequence[str]) -> tuple[str, ...]:
        return ("reload", server, *(str(self.files[name]) for name in names))

    def plan(self) -> Plan:
        """A's files, A's reload, B's file, B's reload."""
        steps: list[Step] = []
        for server, own in (("A", ("a.pem", "shared.pem")), ("B", ("b.pem",))):
            steps += [self._replacement(len(steps) + n, server, f) for n, f in enumerate(own, 1)]
            argv = self.reload(server, self.uses[server])
            steps.append(
                Step(
                    number=len(steps) + 1,
                    server=server,
                    kind="reload",
                    target=" ".join(argv),
                    argv=argv,
                    files=argv[2:],
                )
            )
        return Plan(steps=tuple(steps), kept=(), notes=())

    def _replacement(self, number: int, server: str, name: str) -> Step:
        path = self.files[name]
        return Step(
            number=number,
            server=server,
            kind="replace_file",
            target=str(path),
            data=f"new {name}".encode(),
            before=LOCAL.read(path),
        )

    def open_journal(self, plan: Plan) -> Journal:
        head = Opened(
            command="install",
            bundle="mail/1",
            size=len(plan.steps),
            before=self.expectations("old"),
            after=self.expectations("new"),
            activations=activations(plan),
        )
        return journal.begin(self.state, head, now=NOW)

    def expectations(self, age: str) -> tuple[Expectation, ...]:
        content = {s: "".join(f"{age} {n}" for n in names) for s, names in self.uses.items()}
        return tuple(
            Expectation(cell=cell(s), sha256=frozenset({digest(text.encode())}))
            for s, text in content.items()
        )

    def verify(self, expectations: Sequence[Expectation]) -> Proof:
        """What the servers serve now against what they should."""
        rows, complaints = [], []
        for each in expectations:
            server = each.cell.endpoint.host.ascii[0].upper()
            leaf = digest((self.machine.served / server).read_bytes())
            rows.append(CellProof(cell=each.cell, served=((leaf, 1),), failed=0, handshakes=1))
            complaints += [] if leaf in each.sha256 else [f"{server} serves something else"]
        return Proof(cells=tuple(rows), complaints=tuple(complaints), connections=1)

    def carry_out(self) -> tuple[Outcome, Journal]:
        plan = self.plan()
        book = self.open_journal(plan)
        outcome = carry_out(plan, book, host=self.machine, verify=self.verify, clock=lambda: NOW)
        return outcome, book

    def undo(self, book: Journal) -> WayBack:
        why = Obstacle("the run was killed")
        return undo(book, host=self.machine, verify=self.verify, clock=lambda: NOW, why=why)

    def serves(self, age: str) -> bool:
        return self.verify(self.expectations(age)).holds

    def holds(self, age: str) -> bool:
        """Whether every file is of that age, and nothing lies beside them."""
        folder = self.files["a.pem"].parent
        beside = {p.name for p in folder.iterdir()} - {*self.files, "state", "served"}
        ages = {path.read_bytes() == f"{age} {name}".encode() for name, path in self.files.items()}
        return ages == {True} and not beside


def killed_at(bench: Bench, number: int) -> bool:
    """Carry out the plan in a child process that dies at that move; whether it came so far."""
    child = os.fork()
    if child == 0:
        bench.machine.fault = lambda n, _: os._exit(9) if n == number else None
        bench.carry_out()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 9


def cell(server: str) -> Cell:
    return Cell(
        endpoint=endpoint(f"imaps://{server.lower()}.example.test"),
        address="192.0.2.1",
        server_name=None,
    )


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
