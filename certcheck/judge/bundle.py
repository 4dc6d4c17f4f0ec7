"""Whether a new certificate may reach a mail server: key, chain, names and dates fit."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from certcheck.judge import served
from certcheck.model.certificate import Certificate


def unfit(
    *,
    leaf_chain: tuple[Certificate, ...],
    key_spki_sha256: str,
    names: Sequence[str],
    now: datetime,
) -> tuple[str, ...]:
    """Every reason why the bundle must not reach a server; none means that it is fit.

    The servers' own configuration tests accept all of these (a wrong key, an empty file).
    """
    if not leaf_chain:
        return ("it holds no certificate",)
    leaf = leaf_chain[0]
    return (
        *_key_reasons(leaf, key_spki_sha256),
        *_chain_reasons(leaf_chain),
        *(reason for each in leaf_chain for reason in _own_reasons(each, now)),
        *(f"{leaf.title} does not name {name}" for name in names if not served.covered(leaf, name)),
    )


def _key_reasons(leaf: Certificate, key_spki_sha256: str) -> Iterator[str]:
    if leaf.spki_sha256 != key_spki_sha256:
        yield f"the key does not match the certificate of {leaf.title}"
    if leaf.is_ca:
        yield f"{leaf.title} is a CA certificate, not a server's"


def _chain_reasons(chain: tuple[Certificate, ...]) -> Iterator[str]:
    leaf = chain[0]
    if len(chain) == 1 and not leaf.self_signed:
        yield f"the intermediate certificate {leaf.issuer} is missing"
    for child, parent in pairwise(chain):
        if not served.issued_by(child, parent):
            yield f"{parent.title} did not issue {child.title}, which stands before it in the chain"


def _own_reasons(certificate: Certificate, now: datetime) -> Iterator[str]:
    if certificate.not_after < now:
        yield f"{certificate.title} expired on {served.shown(certificate.not_after)}"
    if certificate.not_before > now:
        start = served.shown(certificate.not_before)
        yield f"{certificate.title} is valid only from {start} on"
    family, _, bits = certificate.key.partition(" ")
    if family == "RSA" and int(bits) < served.RSA_BITS:
        yield f"the key of {certificate.title} is too weak ({certificate.key})"
