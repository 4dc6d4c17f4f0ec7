"""Who orders the certificate of a bundle: certcheck itself, or certbot."""

from typing import TYPE_CHECKING

from certcheck.cli import wiring

if TYPE_CHECKING:
    from certcheck.config import BundleTable
    from certcheck.workflow.ordering import Wanted


def wanted(table: "BundleTable") -> "Wanted":
    """The order for a bundle, by whom the table says. Raises InputError."""
    if table.via == "acme":
        return wiring.wanted(table)

    from certcheck.host.local import LocalHost
    from certcheck.issue.certbot import Certbot, usable
    from certcheck.workflow.ordering import Wanted

    certbot = Certbot(
        host=LocalHost(),
        arguments=table.certbot_args,
        webroot=table.webroot,
        http_port=table.http_port,
    )
    return Wanted(
        bundle=table.name,
        names=table.names,
        keys=table.keys,
        solver=usable(certbot, names=table.names, key=table.key),
    )
