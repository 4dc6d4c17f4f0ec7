"""What certcheck does to a mail host, and what it expects the host to serve afterwards."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from certcheck.model.endpoint import Endpoint

ActionKind = Literal[
    "replace_file", "rebuild_map", "check_config", "reload", "verify", "restore_file"
]
ActionState = Literal["planned", "done", "undone", "failed", "kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One step of an installation or of its way back, as it is reported."""

    step: int
    server: str
    kind: ActionKind
    target: str
    state: ActionState
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Cell:
    """One place where a certificate is served: an endpoint at an address, with SNI or without."""

    endpoint: Endpoint
    address: str
    server_name: str | None

    @property
    def label(self) -> str:
        """`IMAPS mail.example.org:993 TLS at 192.0.2.7, without SNI`."""
        name = f"SNI {self.server_name}" if self.server_name else "without SNI"
        return f"{self.endpoint.label} at {self.address}, {name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """`cell` must serve exactly these leaf certificates (SHA-256, lower-case hex)."""

    cell: Cell
    sha256: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellProof:
    """What a cell served in `handshakes` attempts: how often which leaf, and what failed."""

    cell: Cell
    served: tuple[tuple[str, int], ...]
    failed: int
    handshakes: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The answer to a set of expectations: one row a cell, and the reasons why it does not hold."""

    cells: tuple[CellProof, ...]
    complaints: tuple[str, ...]
    connections: int

    @property
    def holds(self) -> bool:
        """Whether every cell served exactly what was expected, every time."""
        return not self.complaints
