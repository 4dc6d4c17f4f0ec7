"""The journal of one acting run: each step and its way back, on the disk before the step.

`journal/ID/events.jsonl` holds one event a line; `journal/ID/files/` the replaced files. A journal
without a last `closed` event is open: the run was killed, and the next acting run puts it right.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from certcheck.errors import Stranded
from certcheck.model.action import ActionKind, Expectation
from certcheck.store import events, private

Closing = Literal["done", "undone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A file as it was before its replacement, and the hash of what replaces it."""

    copy: str
    sha256: str
    new_sha256: str
    uid: int
    gid: int
    mode: int
    attributes: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A program that makes a server use its `files` (real paths), whatever stands in them."""

    server: str
    kind: ActionKind
    argv: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The head of a journal: which run, with how many steps, and what every cell served before.

    `undoes` is the journal of the installation that a rollback takes back; `notes` is what was
    known and overruled when it began.
    """

    event: Literal["opened"] = "opened"
    command: str
    bundle: str
    size: int
    before: tuple[Expectation, ...]
    after: tuple[Expectation, ...]
    activations: tuple[Activation, ...]
    undoes: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """A step that is about to be done; `argv` is empty where a file is replaced."""

    event: Literal["intended"] = "intended"
    step: int
    server: str
    kind: ActionKind
    target: str
    argv: tuple[str, ...] = ()
    saved: Saved | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """The step of that number has been done."""

    event: Literal["did"] = "did"
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The end: what became of the run."""

    event: Literal["closed"] = "closed"
    result: Closing


Event = Annotated[Opened | Intended | Did | Closed, Field(discriminator="event")]

_EVENT: TypeAdapter[Event] = TypeAdapter(
    Event, config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """One journal on the disk, with the events read or written so far."""

    folder: Path
    events: list[Event] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The name of its folder: when it began, and the command."""
        return self.folder.name

    @property
    def opened(self) -> Opened:
        """Its head; raises Stranded when that is missing, since then nothing can be known."""
        head = self.events[0] if self.events else None
        if not isinstance(head, Opened):
            raise Stranded(f"journal {self.folder} is damaged", hint="compare the files by hand")
        return head

    @property
    def steps(self) -> tuple[Intended, ...]:
        """The steps that were begun, in their order."""
        return tuple(event for event in self.events if isinstance(event, Intended))

    @property
    def complete(self) -> bool:
        """Whether every step of the run has been done; only its proof may be missing."""
        return sum(isinstance(event, Did) for event in self.events) == self.opened.size

    def saved_bytes(self, saved: Saved) -> bytes:
        """The replaced file's content; raises Obstacle when it cannot be read."""
        with events.told(self.folder):
            return (self.folder / saved.copy).read_bytes()

    def intend(self, step: Intended, before: bytes | None = None) -> None:
        """Write down a step, with the file's old content, before it is done.

        Raises Obstacle, with the journal as it was, when the disk refuses; so do `did` and `close`.
        """
        if before is not None:
            copy = f"files/{step.step}"
            with events.told(self.folder):
                private.write_new(self.folder / copy, before)
                private.sync(self.folder / "files")
            if step.saved is not None:
                step = replace(step, saved=replace(step.saved, copy=copy))
        self._append(step)

    def did(self, step: int) -> None:
        """Write down that a step has been done."""
        self._append(Did(step=step))

    def close(self, result: Closing) -> None:
        """Write down the end."""
        self._append(Closed(result=result))

    def _append(self, event: Event) -> None:
        events.append(self.folder, _EVENT.dump_json(event))
        self.events.append(event)


def begin(state: Path, head: Opened, *, now: datetime) -> Journal:
    """A new journal with its head written; the caller holds the lock. Raises Obstacle."""
    folder = events.new_folder(state, head.command, now=now)
    journal = Journal(folder=folder)
    with events.told(folder):
        (folder / "files").mkdir(mode=0o700)
        journal._append(head)  # noqa: SLF001 - the head is the module's to write
        private.sync(folder)
    return journal


def unfinished(state: Path) -> Sequence[Journal]:
    """The open journals, youngest first, for the lock's holder.

    Raises Stranded for a damaged one, Obstacle when they cannot be read.
    """
    return [j for j in _all(state) if j.events and not isinstance(j.events[-1], Closed)]


def last_installed(state: Path, bundle: str | None = None) -> Journal | None:
    """The last finished installation (of `bundle`) that no rollback has taken back, if any.

    Raises as `unfinished` does.
    """
    done = [j for j in _all(state) if j.events and j.events[-1] == Closed(result="done")]
    undone = {j.opened.undoes for j in done}
    return next(
        (
            j
            for j in done
            if j.opened.command == "install" and j.id not in undone and _has(j, bundle)
        ),
        None,
    )


def _has(journal: Journal, bundle: str | None) -> bool:
    refs = journal.opened.bundle.split(", ")
    return bundle is None or bundle in {ref.partition("/")[0] for ref in refs}


def _all(state: Path) -> list[Journal]:
    return [_read(folder) for folder in events.folders(state, orders=False)]


def _read(folder: Path) -> Journal:
    try:
        told = [_EVENT.validate_json(line) for line in events.lines(folder)]
    except ValidationError as e:
        raise Stranded(
            f"journal {folder}/events.jsonl is damaged", hint="compare the files by hand"
        ) from e
    return Journal(folder=folder, events=told)
