"""Which certificates a cell shall serve: the slots that answer for it, and what they will hold."""

import ipaddress

from certcheck.install.filling import Fillings, Installation
from certcheck.install.server import Slot
from certcheck.model.action import Cell
from certcheck.names import covers


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
