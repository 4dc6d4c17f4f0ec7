"""A warning on stderr for a name that may be another one than it looks like."""

from collections.abc import Iterable

from certcheck.cli import wiring
from certcheck.model.endpoint import Hostname


def warn(hosts: Iterable[Hostname]) -> None:
    """One line for each such name, also with --quiet: whoever is deceived does not ask for it."""
    from certcheck.judge.name_rules import doubt

    for host in dict.fromkeys(hosts):
        if found := doubt(host):
            wiring.complain(f"warning: {found.message.rstrip('.')}", found.letters)
