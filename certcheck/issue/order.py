"""One order from names to a certificate (RFC 8555 7.4)."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acme import crypto_util, messages
from cryptography import x509 as cryptography_x509
from requests import Response
from requests.utils import parse_header_links

from certcheck import x509
from certcheck.errors import CaError, InputError
from certcheck.issue.account import account_key, registered
from certcheck.issue.answer import https_url, json_object, one_line
from certcheck.issue.authority import Authority, checked
from certcheck.issue.authorization import authorize
from certcheck.issue.client import Conversation, Deadline, Network, conversation
from certcheck.issue.received import Chain, issuer_name, received_chain
from certcheck.issue.refusal import refused, told_plainly
from certcheck.issue.solver import ChallengeSolver
from certcheck.model.endpoint import Hostname
from certcheck.x509 import KeyKind

__all__ = ["Authority", "Issued", "issued"]

_UNDER_WAY = (messages.STATUS_READY, messages.STATUS_PROCESSING)
_MAX_ALTERNATES = 8

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate fresh from the authority, with its private key.

    `chain` is leaf first, without the self-signed root; nobody has judged it yet.
    """

    key_pem: bytes = field(repr=False)
    chain: Chain
    order_url: str
    key_kind: KeyKind
    directory: str


def issued(  # noqa: PLR0913 - an order has that many sides; each is named at the call
    names: Sequence[Hostname],
    *,
    authority: Authority,
    key_pem: bytes,
    key_kind: KeyKind,
    solver: ChallengeSolver,
    state: Path,
    deadline: float,
    progress: Progress,
) -> Issued:
    """A certificate for all `names`, in their order, with the key that the caller made before.

    The caller holds the store's lock; the ACME account is kept below `state`. `deadline` is in
    seconds, for everything but what the solver does. Challenges are taken down on every way out.
    Raises InputError for an unusable authority or no names, UnfitBundle for an unreadable key,
    Obstacle when a challenge cannot be presented or the account cannot be kept, CaError for all
    else.
    """
    csr = _request(names, key_pem)
    net = Network(
        account_key(state, checked(authority).directory), authority, Deadline.within(deadline)
    )
    with told_plainly(authority.directory, net):
        talk = conversation(authority, net)
        registered(talk, authority, state, progress)
        url, order = _ordered(talk, names)
        authorize(talk, order.authorizations, solver, progress)
        done = _finalized(talk, url, csr, progress)
        chain = _downloaded(talk, done.certificate, authority, progress)
    progress(f"certificate received from {one_line(issuer_name(chain[:1]))}")
    return Issued(
        key_pem=key_pem,
        chain=chain,
        order_url=url,
        key_kind=key_kind,
        directory=authority.directory,
    )


def _request(names: Sequence[Hostname], key_pem: bytes) -> bytes:
    wanted = tuple(dict.fromkeys(names))
    if not wanted:
        raise InputError("no name to issue a certificate for", hint="give at least one NAME")
    x509.key_spki_sha256(key_pem, where="the new private key")
    dns = [name.ascii for name in wanted if not name.is_ip]
    ips = [ipaddress.ip_address(name.ascii) for name in wanted if name.is_ip]
    return crypto_util.make_csr(key_pem, dns, ipaddrs=ips)


def _ordered(talk: Conversation, names: Sequence[Hostname]) -> tuple[str, messages.Order]:
    """The URL of a new order, and the order (RFC 8555 7.4)."""
    wanted = [
        messages.Identifier(
            typ=messages.IDENTIFIER_IP if name.is_ip else messages.IDENTIFIER_FQDN,
            value=name.ascii,
        )
        for name in dict.fromkeys(names)
    ]
    place = talk.directory["newOrder"]
    response = talk.send(place, messages.NewOrder(identifiers=wanted))
    order: messages.Order = messages.Order.from_json(json_object(response))
    url = response.headers.get("Location", "")
    if not (url and order.authorizations and order.finalize):
        raise CaError(f"{place} answers with something that is not an order")
    return https_url(url), order


def _finalized(talk: Conversation, url: str, csr_pem: bytes, progress: Progress) -> messages.Order:
    """The valid order; it is finalized when it is ready, once (RFC 8555 7.1.6)."""
    orders = map(messages.Order.from_json, talk.polled(url))
    order: messages.Order = next(each for each in orders if each.status != messages.STATUS_PENDING)
    if order.status == messages.STATUS_READY:
        progress("all names are authorized, asking for the certificate")
        csr = cryptography_x509.load_pem_x509_csr(csr_pem)
        talk.send(order.finalize, messages.CertificateRequest(csr=csr))
    if order.status in _UNDER_WAY:
        order = next(each for each in orders if each.status not in _UNDER_WAY)
    if order.status != messages.STATUS_VALID or not order.certificate:
        told: messages.Error | None = order.error
        problem = told or messages.Error.from_json({"detail": "the order became invalid"})
        raise refused("the certificate authority refuses the order", problem)
    return order


def _downloaded(talk: Conversation, url: str, authority: Authority, progress: Progress) -> Chain:
    response = talk.send(url, None)
    first = received_chain(response.text)
    preferred = authority.preferred_chain
    if preferred is None:
        return first
    offered = [first]
    for place in _alternates(response)[:_MAX_ALTERNATES]:
        if issuer_name(offered[-1]) == preferred:
            break
        offered += _alternate(talk, place, authority.directory, progress)
    if issuer_name(offered[-1]) == preferred:
        return offered[-1]
    there = ", ".join(repr(one_line(issuer_name(each))) for each in offered)
    progress(f"warning: no chain leads to {preferred!r}; there is {there}; the first is taken")
    return first


def _alternate(
    talk: Conversation, url: str, directory: str, progress: Progress
) -> tuple[Chain, ...]:
    # The certificate is issued: another chain that does not come must not lose it.
    try:
        with told_plainly(directory, talk.net):
            return (received_chain(talk.send(url, None).text),)
    except CaError as e:
        progress(f"warning: another chain is left out: {e.message}")
        return ()


def _alternates(response: Response) -> list[str]:
    # Not response.links: that keeps one link of each relation (RFC 8555 7.4.2 has several).
    links = parse_header_links(response.headers.get("Link", ""))
    return [link["url"] for link in links if link.get("rel") == "alternate"]
