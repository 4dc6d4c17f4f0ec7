"""From a [[bundle]] to what proves to a certificate authority that its names are ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certcheck.errors import InputError
from certcheck.issue.dns01 import Hook
from certcheck.issue.http01 import HTTP_PORT, Listener, Webroot
from certcheck.issue.solver import ChallengeSolver

if TYPE_CHECKING:
    from certcheck.config import BundleTable
    from certcheck.workflow.means import Means


def solver(table: BundleTable, means: Means) -> ChallengeSolver:
    """The solver that the bundle's challenge wants; raises InputError for what it cannot prove."""
    _refuse_unprovable(table)
    if table.challenge == "dns-01":
        resolver = means.asking.resolver
        return Hook(table.dns_hook or "", host=means.here, resolver=resolver, say=means.say)
    if table.webroot and not table.webroot.is_dir():
        raise InputError(f"webroot {table.webroot} is no directory", hint="name an existing one")
    return Webroot(table.webroot) if table.webroot else Listener(table.http_port or HTTP_PORT)


def _refuse_unprovable(table: BundleTable) -> None:
    # RFC 8555 7.1.3 and the CA/Browser Forum: wildcards are proved in DNS only. RFC 8738 7: IP
    # addresses never are.
    by_dns = table.challenge == "dns-01"
    for each in table.names:
        if each.is_ip if by_dns else each.ascii.startswith("*."):
            hint = "leave it out" if by_dns else "name each host instead, or give a --dns-hook"
            raise InputError(f"{each.ascii} cannot be proved by {table.challenge}", hint=hint)
