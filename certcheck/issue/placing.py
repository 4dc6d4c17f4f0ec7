"""An order at the authority: made, found again, and brought to its end (RFC 8555 7.1.6, 7.4)."""

import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime

from acme import crypto_util, messages
from cryptography import x509 as cryptography_x509
from requests import Response

from certcheck import x509
from certcheck.errors import CaError, InputError
from certcheck.issue.answer import https_url, json_object
from certcheck.issue.client import Conversation
from certcheck.issue.refusal import dropped_when_refused, refused
from certcheck.model.endpoint import Hostname
from certcheck.names import hostname
from certcheck.store import crash
from certcheck.store.orders import Order

_UNDER_WAY = (messages.STATUS_READY, messages.STATUS_PROCESSING)
_EXPIRING = (messages.STATUS_PENDING, messages.STATUS_READY)

Progress = Callable[[str], None]


def request(order: Order) -> cryptography_x509.CertificateSigningRequest:
    """The CSR for the order's names and key; raises InputError and UnfitBundle."""
    wanted = _names(order)
    if not wanted:
        raise InputError("no name to issue a certificate for", hint="give at least one NAME")
    key_pem = order.key_pem()
    x509.key_spki_sha256(key_pem, where="the new private key")
    dns = [name.ascii for name in wanted if not name.is_ip]
    ips = [ipaddress.ip_address(name.ascii) for name in wanted if name.is_ip]
    made = crypto_util.make_csr(key_pem, dns, ipaddrs=ips)
    return cryptography_x509.load_pem_x509_csr(made)


def place(talk: Conversation, order: Order) -> messages.Order:
    """Make the order at the authority (RFC 8555 7.4), and write down its URL.

    Raises CaError and acme's own errors.
    """
    wanted = [
        messages.Identifier(
            typ=messages.IDENTIFIER_IP if name.is_ip else messages.IDENTIFIER_FQDN,
            value=name.ascii,
        )
        for name in _names(order)
    ]
    where = talk.directory["newOrder"]
    with dropped_when_refused(order, talk.net):
        response = talk.send(where, messages.NewOrder(identifiers=wanted))
    crash.point()
    made = _standing(response)
    url = response.headers.get("Location", "")
    if not (url and made.authorizations and made.finalize):
        raise CaError(f"{where} answers with something that is not an order")
    order.ordered(https_url(url))
    return made


def found(talk: Conversation, order: Order, url: str) -> messages.Order:
    """The order of an earlier run, as it stands now.

    Raises CaError, with the order dropped, when it is invalid, expired or gone.
    """
    with dropped_when_refused(order, talk.net):
        answer = talk.send(url, None)
    standing = _standing(answer)
    expires: datetime | None = standing.expires
    expired = expires is not None and expires < datetime.now(UTC)
    if standing.status in _EXPIRING and expired:
        order.close("dropped")
        raise CaError("the order has expired")
    if standing.status == messages.STATUS_INVALID:
        raise _invalid(order, standing)
    return standing


def finalized(talk: Conversation, order: Order, url: str, progress: Progress) -> str:
    """Where the certificate is; the order is finalized when it is ready, once.

    Raises CaError, with the order dropped, when the authority refuses it.
    """
    standings = map(messages.Order.from_json, talk.polled(url))
    now: messages.Order = next(each for each in standings if each.status != messages.STATUS_PENDING)
    if now.status == messages.STATUS_READY:
        progress("all names are authorized, asking for the certificate")
        with dropped_when_refused(order, talk.net):
            _finalize(talk, url, now, request(order))
        crash.point()
    if now.status in _UNDER_WAY:
        now = next(each for each in standings if each.status not in _UNDER_WAY)
    if now.status != messages.STATUS_VALID or not now.certificate:
        raise _invalid(order, now)
    return str(now.certificate)


def _finalize(
    talk: Conversation,
    url: str,
    ready: messages.Order,
    csr: cryptography_x509.CertificateSigningRequest,
) -> None:
    """Ask for the certificate; after trouble the order tells first whether that was heard."""
    standings = [ready]

    def ask() -> None:
        now = standings.pop() if standings else _standing(talk.once(url, None))
        if now.status == messages.STATUS_READY:
            talk.once(now.finalize, messages.CertificateRequest(csr=csr))

    talk.net.persistently(ask)


def _standing(answer: Response) -> messages.Order:
    standing: messages.Order = messages.Order.from_json(json_object(answer))
    return standing


def _names(order: Order) -> tuple[Hostname, ...]:
    return tuple(hostname(name, wildcard=True) for name in dict.fromkeys(order.head.names))


def _invalid(order: Order, standing: messages.Order) -> CaError:
    order.close("dropped")
    told: messages.Error | None = standing.error
    problem = told or messages.Error.from_json({"detail": "the order became invalid"})
    return refused("the certificate authority refuses the order", problem)
