"""What the authority sent, checked: a chain that belongs to the key, the names and the day."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cryptography.x509 import load_der_x509_certificate
from cryptography.x509.oid import NameOID

from certcheck import x509
from certcheck.errors import CaError, UnfitBundle
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Hostname
from certcheck.names import covers

Chain = tuple[Certificate, ...]


def received_chain(pem: str) -> Chain:
    """The chain in a downloaded certificate (RFC 8555 7.4.2), leaf first; raises CaError."""
    try:
        return x509.chain(pem.encode(), where="the certificate authority's answer")
    except UnfitBundle as e:
        raise CaError(e.message, hint="run again: the order is asked for anew") from e


def checked_chain(
    chain: Chain, *, spki_sha256: str, names: Sequence[Hostname], now: datetime
) -> Chain:
    """The chain without its self-signed root; raises CaError when it must not be used.

    The leaf has the key with this hash and covers all names, each certificate is issued by the
    next, and all are valid at `now`.
    """
    links = chain[:-1] if len(chain) > 1 and chain[-1].self_signed else chain
    for complaint in (
        _key_differs(links[0], spki_sha256),
        _name_missing(links[0], names),
        _link_broken(chain),
        *(_out_of_date(each, now) for each in links),
    ):
        if complaint:
            raise CaError(
                f"the certificate authority sent an unfit certificate: {complaint}",
                hint="nothing was kept; run again, and look at this host's clock",
            )
    return links


def issuer_name(chain: Chain) -> str:
    """The common name of the issuer at the top of the chain; its whole name if it has none."""
    issuer = load_der_x509_certificate(chain[-1].der).issuer
    for attribute in issuer.get_attributes_for_oid(NameOID.COMMON_NAME):
        return str(attribute.value)
    return chain[-1].issuer


def _key_differs(leaf: Certificate, spki_sha256: str) -> str:
    return "" if leaf.spki_sha256 == spki_sha256 else "its key is not the one that was sent"


def _name_missing(leaf: Certificate, names: Sequence[Hostname]) -> str:
    missing = [n.ascii for n in names if not any(covers(each, n.ascii) for each in leaf.names)]
    return f"it lacks {', '.join(missing)}" if missing else ""


def _link_broken(chain: Chain) -> str:
    for lower, upper in pairwise(chain):
        if not (upper.is_ca and x509.issued_by(lower.der, upper.der)):
            return f"{lower.title!a} is not issued by {upper.title!a}, which comes after it"
    return ""


def _out_of_date(each: Certificate, now: datetime) -> str:
    if each.not_before <= now <= each.not_after:
        return ""
    return f"{each.title!a} is valid from {each.not_before} to {each.not_after}, and it is {now}"
