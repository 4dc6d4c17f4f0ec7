"""The commands that a lab leaves in its directory, for a person and for programs outside."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from certcheck.lab.generations import dns_hook, switch
from certcheck.lab.generations.host import Host
from certcheck.lab.generations.namespace import Namespace
from certcheck.lab.generations.plan import DEVICE, SERVICE
from certcheck.lab.premises import Premises

CLIENT, OLD, NEW = "client", "old", "new"
MOVE_ADDRESS, MOVE_MAILBOXES, DNS_HOOK = "move-address", "move-mailboxes", "dns-hook"

_MOVE = """\
case "${{1:-}}" in
new) set -- {old} {new} ;;
old) set -- {new} {old} ;;
*) echo "usage: $0 new|old" >&2; exit 2 ;;
esac
exec {switch} "$@" {rest}
"""
# What is there already goes first: a message whose flags have changed has another name.
_COPY = """\
old=/proc/{old}/root new=/proc/{new}/root mail=var/vmail
cd "$old/$mail"
find "$new/$mail" -mindepth 1 -delete
tar --numeric-owner -cf - . | tar -C "$new/$mail" --numeric-owner -xpf -
"""
_PACKAGE = Path(__file__).parents[3]


def write(premises: Premises, client: Namespace, old: Host, new: Host) -> Mapping[str, Path]:
    """Write all of them; their paths by their names."""
    pids = {"old": old.pid, "new": new.pid}
    python = [sys.executable, "-I", "-S", str(switch.__file__)]
    rest = shlex.join([DEVICE, *SERVICE.both])
    hook = ["env", f"PYTHONPATH={_PACKAGE}", sys.executable, "-m", dns_hook.__name__]
    texts = {
        CLIENT: _runs(client.enter),
        OLD: _runs(old.enter),
        NEW: _runs(new.enter),
        MOVE_ADDRESS: _MOVE.format(**pids, switch=shlex.join(python), rest=rest),
        MOVE_MAILBOXES: _COPY.format(**pids),
        DNS_HOOK: f'exec {shlex.join([*hook, str(premises.directory)])} "$@"\n',
    }
    return {
        name: premises.write(name, f"#!/bin/sh\nset -eu\n{text}", mode=0o755)
        for name, text in texts.items()
    }


def _runs(enter: Sequence[str]) -> str:
    return f'exec {shlex.join(enter)} "$@"\n'
