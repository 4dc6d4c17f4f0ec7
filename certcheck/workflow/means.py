"""What an acting command works with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from certcheck.config import ServerTable, Site
from certcheck.host.door import Host
from certcheck.install.server import MailServer
from certcheck.model.action import Cell, CellProof, Expectation, Proof
from certcheck.probe.limits import Gate
from certcheck.probe.proof import proof, served
from certcheck.workflow.asking import Asking
from certcheck.workflow.awaited import awaited
from certcheck.workflow.holders import named

ServerOf = Callable[[ServerTable], MailServer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What an acting command works with: the site, its host and servers, and its senses.

    `here` is this machine, where certbot and hooks run; `host` is where the mail servers are.
    """

    site: Site
    here: Host
    host: Host
    server_of: ServerOf
    asking: Asking
    clock: Callable[[], datetime]
    say: Callable[[str], None]
    confirm: Callable[[str], bool] | None = None

    def verify(self, expectations: Sequence[Expectation]) -> Proof:
        """Handshakes with every cell, compared with what it shall serve."""
        self.say(f"proving {len(expectations)} cells by handshakes")
        limits = self.asking.limits
        found = awaited(proof(expectations, gate=Gate(limits), limits=limits))
        return named(found, expectations, self.host)

    def served(self, cells: Sequence[Cell]) -> tuple[CellProof, ...]:
        """What each cell serves now."""
        self.say("looking at what is served now")
        limits = self.asking.limits
        return awaited(served(cells, gate=Gate(limits), limits=limits))
