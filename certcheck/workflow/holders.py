"""Who listens on a port that keeps an old certificate: the process to look at."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from certcheck.errors import Obstacle
from certcheck.host.door import Host
from certcheck.model.action import Cell, Expectation, Proof

# ss(8): state, queues, local address, peer, and `users:(("dovecot",pid=12,fd=7))`.
_LINE = re.compile(r"\S+\s+\d+\s+\d+\s+(?P<address>\S+):(?P<port>\d+)\s+\S+(?:\s+(?P<users>.*))?")
_USER = re.compile(r'\("(?P<name>[^"]*)",pid=(?P<pid>\d+)')
_EVERYWHERE = {"*", "0.0.0.0", "[::]"}  # noqa: S104 - what ss prints, nobody listens here


def named(proof: Proof, expectations: Sequence[Expectation], host: Host) -> Proof:
    """The proof, with the listening process in each complaint about a wrong certificate."""
    wanted = {each.cell: each.sha256 for each in expectations}
    stale = {
        row.cell.label: row.cell
        for row in proof.cells
        if {leaf for leaf, _ in row.served} - wanted.get(row.cell, frozenset())
    }
    if not stale:
        return proof
    listeners = _listeners(host)
    return replace(
        proof,
        complaints=tuple(_with_holder(text, stale, listeners) for text in proof.complaints),
    )


def _with_holder(
    complaint: str, stale: Mapping[str, Cell], listeners: Sequence[re.Match[str]]
) -> str:
    cell = next((cell for label, cell in stale.items() if complaint.startswith(f"{label}:")), None)
    if cell is None or not listeners:
        return complaint
    return f"{complaint} ({_holder(cell, listeners)})"


def _holder(cell: Cell, listeners: Sequence[re.Match[str]]) -> str:
    port = cell.endpoint.port
    here = {cell.address, f"[{cell.address}]", *_EVERYWHERE}
    users = [
        f"{user['name']}, process {user['pid']}"
        for line in listeners
        if line["port"] == str(port) and line["address"].partition("%")[0] in here
        for user in _USER.finditer(line["users"] or "")
    ]
    if not users:
        return f"no process of this host listens on port {port}: another machine answers there"
    return f"on port {port} listens {'; '.join(dict.fromkeys(users))}"


def _listeners(host: Host) -> list[re.Match[str]]:
    try:
        done = host.run(["ss", "-Hltnp"])
    except Obstacle:
        return []  # not installed: the complaint stands without it
    return [match for line in done.stdout.splitlines() if (match := _LINE.fullmatch(line.strip()))]
