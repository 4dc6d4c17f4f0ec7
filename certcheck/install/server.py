"""The seam between an installation and one kind of mail server."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from certcheck.model.action import ActionKind
from certcheck.model.certificate import KeyType
from certcheck.model.endpoint import Scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One place in a server's configuration that names a certificate.

    A slot with `names` serves those SNI names only; `networks`, `protocol` and `port` narrow it
    further. `chain` and `key` are the same path where one file holds both, key first. `several`:
    such a file may hold pairs of several key types. `wants` is the type that the place is made for.
    """

    server: str
    label: str
    chain: Path
    key: Path
    names: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    protocol: str | None = None
    port: int | None = None
    table: str | None = None
    several: bool = False
    wants: KeyType | None = None

    @property
    def place(self) -> tuple[object, ...]:
        """What it serves; slots of one place differ in the key type only."""
        return (self.server, self.names, self.networks, self.protocol, self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A port that a server listens on with TLS; `address` None means every address."""

    scheme: Scheme
    address: str | None
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """What a server's own configuration says: its slots and the ports that serve them.

    `one_file` tells an admin how this server takes key and chain from one file.
    """

    slots: tuple[Slot, ...]
    listeners: tuple[Listener, ...]
    one_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program of the mail server to run, and what for."""

    kind: ActionKind
    argv: tuple[str, ...]


def literal(word: str) -> str | None:
    """A listener's address as an IP literal; None, every address, for any other name."""
    bare = word.strip("[]")
    if bare in {"localhost", "loopback-only"}:
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return None if address.is_unspecified else str(address)


class MailServer(Protocol):
    """One instance of a mail server, known by its own configuration."""

    @property
    def name(self) -> str:
        """Its name in certcheck.toml."""
        ...

    def current(self) -> Current:
        """Which files serve which names and ports, by the server's own word.

        Raises ServerError when its tools refuse the configuration, Obstacle without the rights.
        """
        ...

    def check(self) -> Command:
        """The server's own test of its configuration."""
        ...

    def activate(self, changed: Sequence[Slot]) -> tuple[Command, ...]:
        """What this server needs after the files of these slots have changed, in order."""
        ...

    def impact(self) -> str:
        """What that does to people's sessions, and how many there are now, for an admin."""
        ...
