"""A warning on stderr for a name that may be another one than it looks like."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from certcheck.cli import wiring

if TYPE_CHECKING:
    from certcheck.model.endpoint import Hostname


def warn(hosts: Iterable[Hostname]) -> None:
    """One line for each such name, also with --quiet: whoever is deceived does not ask for it."""
    in_letters = dict.fromkeys(host for host in hosts if host.in_letters)
    if not in_letters:
        return
    from certcheck.judge.name_rules import doubt

    for host in in_letters:
        if found := doubt(host):
            wiring.complain(f"warning: {found.message.rstrip('.')}", found.letters)
