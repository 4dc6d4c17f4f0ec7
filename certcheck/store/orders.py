"""Orders under way: the key before the order, and all that a later run needs to go on with it.

`journal/ID/` of an order holds its private key until it is closed, and `events.jsonl`. An order
without a last `closed` event is open: the run was killed, interrupted, or cut off from the
authority.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from certcheck.errors import Obstacle
from certcheck.store import crash, events, private
from certcheck.x509 import KeyKind

Closing = Literal["done", "dropped"]

_KEY = "key.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The head: what is ordered where, and the kinds of all keys of the generation."""

    event: Literal["begun"] = "begun"
    bundle: str
    names: tuple[str, ...]
    key: KeyKind
    keys: tuple[KeyKind, ...]
    directory: str
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """The authority has taken the order, and calls it by this URL."""

    event: Literal["ordered"] = "ordered"
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A challenge that is about to be presented, and the solver's own word for the place."""

    event: Literal["presented"] = "presented"
    kind: str
    place: str
    name: str
    token: str
    key_authorization: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """The challenge with that token has been taken down again."""

    event: Literal["removed"] = "removed"
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The end: the certificate is stored, or nobody goes on with this order."""

    event: Literal["closed"] = "closed"
    result: Closing


Event = Annotated[Begun | Ordered | Presented | Removed | Closed, Field(discriminator="event")]

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order on the disk, with the events read or written so far.

    Whatever it writes down raises Obstacle when the disk refuses.
    """

    folder: Path
    head: Begun
    events: list[Event] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The name of its folder: when it was begun."""
        return self.folder.name

    @property
    def begun(self) -> str:
        """When it was begun, for a person."""
        return f"{self.head.created:%F %R} UTC"

    @property
    def url(self) -> str | None:
        """What the authority calls it; None before it has taken the order."""
        return next((e.url for e in reversed(self.events) if isinstance(e, Ordered)), None)

    @property
    def closed(self) -> bool:
        """Whether nobody goes on with it."""
        return any(isinstance(event, Closed) for event in self.events)

    @property
    def leftovers(self) -> tuple[Presented, ...]:
        """The challenges that may still be presented, the last one first."""
        shown: dict[str, Presented] = {}
        for event in self.events:
            if isinstance(event, Presented):
                shown[event.token] = event
            elif isinstance(event, Removed):
                shown.pop(event.token, None)
        return tuple(reversed(shown.values()))

    @property
    def has_key(self) -> bool:
        """Whether its key is there: without it the order was about to be closed."""
        return (self.folder / _KEY).exists()

    def key_pem(self) -> bytes:
        """Its private key. Raises Obstacle when that cannot be read."""
        with events.told(self.folder):
            return (self.folder / _KEY).read_bytes()

    def ordered(self, url: str) -> None:
        """Write down that the authority has taken the order."""
        self._append(Ordered(url=url))

    def present(self, challenge: Presented) -> None:
        """Write down a challenge, before it is presented."""
        self._append(challenge)

    def removed(self, token: str) -> None:
        """Write down that a challenge is presented no more."""
        self._append(Removed(token=token))

    def close(self, result: Closing) -> None:
        """Remove the key, and write down the end."""
        with events.told(self.folder):
            (self.folder / _KEY).unlink(missing_ok=True)
            private.sync(self.folder)
        crash.point()
        self._append(Closed(result=result))

    def _append(self, event: Event) -> None:
        events.append(self.folder, _EVENT.dump_json(event))
        self.events.append(event)


def begin(state: Path, head: Begun, key_pem: bytes) -> Order:
    """A new order with key and head written; the caller holds the lock. Raises Obstacle."""
    folder = events.new_folder(state, events.ORDER, now=head.created)
    crash.point()
    with events.told(folder):
        private.write_new(folder / _KEY, key_pem)
        crash.point()
        # The head last: without it the next run knows that nothing was ordered with this key.
        events.append(folder, _EVENT.dump_json(head))
        private.sync(folder)
    return Order(folder=folder, head=head)


def unfinished(state: Path) -> Sequence[Order]:
    """The open orders, youngest first, for the lock's holder.

    Keys that a kill has left without an open order are removed. Raises Obstacle for an order that
    is damaged or cannot be read.
    """
    orders = [_read(folder) for folder in events.folders(state, orders=True)]
    return [order for order in orders if order is not None]


def _read(folder: Path) -> Order | None:
    try:
        told = [_EVENT.validate_json(line) for line in events.lines(folder)]
    except ValidationError as e:
        raise _damaged(folder) from e
    if not told:
        with events.told(folder):
            shutil.rmtree(folder)
        return None
    head = told[0]
    if not isinstance(head, Begun):
        raise _damaged(folder)
    order = Order(folder=folder, head=head, events=told[1:])
    return None if order.closed else order


def _damaged(folder: Path) -> Obstacle:
    return Obstacle(
        f"order {folder}/events.jsonl is damaged",
        hint="move its folder away; certcheck issue orders anew",
    )
