"""Servers whose word the test decides, and what shall be installed into them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from certcheck.host.local import LocalHost
from certcheck.install.filling import Installation, fillings
from certcheck.install.plan import Plan, plan
from certcheck.install.server import Command, Current, Slot
from certcheck.lab import pki
from certcheck.model.bundle import Generation
from tests.making import generation

HOST = LocalHost()
MAIL = generation("mail", "mail.example.test")
SHOP = generation("shop", "*.shop.test", "shop.test")
BOTH = generation("mail", "mail.example.test", keys=("ecdsa", "rsa2048"))
OLD = pki.make(pki.Shape(key="rsa2048"))


@dataclass(frozen=True, kw_only=True)
class Server:
    """A MailServer whose slots the test decides."""

    name: str
    slots: tuple[Slot, ...]
    activated: list[Slot] = field(default_factory=list, compare=False)

    def current(self) -> Current:
        return Current(slots=self.slots, listeners=(), one_file="use one file")

    def check(self) -> Command:
        return Command(kind="check_config", argv=(self.name, "check"))

    def activate(self, changed: Sequence[Slot]) -> tuple[Command, ...]:
        self.activated.extend(changed)
        return (Command(kind="reload", argv=(self.name, "reload")),)

    def impact(self) -> str:
        return "ends 2 sessions"


def slot(server: str, chain: Path, key: Path | None = None, **where: Any) -> Slot:
    return replace(
        Slot(server=server, label="default", chain=chain, key=key or chain),
        **where,
    )


def planned(
    *servers: Server, others: Sequence[Generation] = (), generation: Generation = MAIL
) -> Plan:
    installations = [installed(server, generation) for server in servers]
    return plan(installations, fillings(installations, others=others, host=HOST), host=HOST)


def installed(server: Server, generation: Generation = MAIL) -> Installation:
    return Installation(server=server, current=server.current(), generation=generation)
