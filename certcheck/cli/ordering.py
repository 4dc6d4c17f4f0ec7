"""Who orders the certificate of a bundle: certcheck itself, or certbot."""

from typing import TYPE_CHECKING

from certcheck.errors import InputError

if TYPE_CHECKING:
    from certcheck.config import BundleTable
    from certcheck.issue.certbot import Certbot
    from certcheck.workflow.means import Means
    from certcheck.workflow.ordering import Wanted


def wanted(table: "BundleTable", means: "Means") -> "Wanted":
    """The order for a bundle, by whom the table says. Raises InputError."""
    from certcheck.cli import proving
    from certcheck.workflow.ordering import Wanted

    solver = _certbot(table, means) if table.via == "certbot" else proving.solver(table, means)
    return Wanted(bundle=table.name, names=table.names, keys=table.keys, solver=solver)


def _certbot(table: "BundleTable", means: "Means") -> "Certbot":
    from certcheck.issue.certbot import Certbot, usable
    from certcheck.issue.http01 import HTTP_PORT

    if table.dns_hook is not None:
        raise InputError(
            "a dns_hook is for certcheck's own orders, certbot has plugins for DNS",
            hint="name one, such as --certbot-args '--authenticator dns-rfc2136'",
        )
    certbot = Certbot(
        host=means.here,
        arguments=table.certbot_args,
        webroot=table.webroot,
        http_port=table.http_port or HTTP_PORT,
    )
    return usable(certbot, names=table.names, key=table.key)
