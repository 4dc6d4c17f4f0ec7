"""Rules about what a server demands of the programs that connect to it."""

from collections.abc import Iterator
from datetime import datetime

from certcheck.judge.fault import Fault, rule
from certcheck.model.observation import Observation

_REMEDY = {
    "dovecot": "ssl_verify_client_cert = no   # 2.4: ssl_server_request_client_cert = no",
    "postfix": "smtpd_tls_req_ccert = no\nsmtpd_tls_ask_ccert = no",
}


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc8446#section-4.3.2")
def asks_for_client_certificate(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The server wants to see a certificate of the mail program's own.

    Where it insists, customers' programs cannot connect, as they have none. Where it only asks,
    that is a note: some programs then ask the customer to choose a certificate, or hang.
    """
    if observation.client_certificate == "required":
        yield Fault(
            message="The server ends the connection unless the mail program shows a certificate "
            "of its own: customers' programs have none and cannot connect. Do not require one on "
            "this port.",
            remedy=_REMEDY,
        )
    elif observation.client_certificate == "asked":
        yield Fault(
            message="The server asks mail programs for a certificate of their own, and goes on "
            "without one: some programs ask the customer to choose one. Do not ask on this port "
            "unless customers have one.",
            remedy=_REMEDY,
            severity="note",
        )
