"""What the authority sent: PEM becomes a chain, leaf first, without the root."""

from cryptography.x509.oid import NameOID

from certcheck import x509
from certcheck.errors import CaError, UnfitBundle
from certcheck.model.certificate import Certificate

Chain = tuple[Certificate, ...]

_LEAF_AND_ROOT = 2


def received_chain(pem: str) -> Chain:
    """The chain in a downloaded certificate (RFC 8555 7.4.2), without a self-signed root above it.

    Raises CaError when it holds no certificate. Whether it may reach a server is not judged here.
    """
    try:
        chain = x509.chain(pem.encode(), where="the certificate authority's answer")
    except UnfitBundle as e:
        raise CaError(e.message, hint="run again: the order is asked for anew") from e
    # A private authority may sign with its root itself: then that is the one to be served.
    return chain[:-1] if len(chain) > _LEAF_AND_ROOT and chain[-1].self_signed else chain


def issuer_name(chain: Chain) -> str:
    """The common name of the issuer at the top of the chain; its whole name if it has none."""
    try:
        issuer = x509.parsed(chain[-1].der).issuer
    except ValueError:  # a name that nobody can read
        return chain[-1].issuer
    for attribute in issuer.get_attributes_for_oid(NameOID.COMMON_NAME):
        return str(attribute.value)
    return chain[-1].issuer
