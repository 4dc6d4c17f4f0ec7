"""From a served certificate to a root that a program trusts: whether there is a way, and which."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from certcheck.judge import served
from certcheck.model.certificate import Certificate
from certcheck.model.client import Policy, Store

Trusted = Literal["yes", "no", "unsure"]
_LONGEST = 10
_Way = tuple[Certificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Whether a program finds a way, the certificates on it, and why if it does not, in words."""

    trusted: Trusted
    why: str = ""
    certificates: tuple[Certificate, ...] = ()


def path(chain: Sequence[Certificate], store: Store, policy: Policy, now: datetime) -> Path:
    """The way from the first of `chain` over the others to a root of `store` (RFC 5280 6.1).

    Intermediates count in any order. A root counts by its subject and key, whatever certificate
    of it is served.
    """
    ways = tuple(_ways((chain[0],), chain[1:]))
    known = _best(ways, store.roots, policy, now)
    if known.trusted == "yes":
        return known
    perhaps = _best(ways, (*store.roots, *store.unsure), policy, now)
    if perhaps.trusted == "no":
        return known
    root = perhaps.certificates[-1].title
    why = f"not known whether {store.name} trusts {root}"
    return Path(trusted="unsure", why=why, certificates=perhaps.certificates)


def _ways(way: _Way, others: Sequence[Certificate]) -> Iterator[_Way]:
    # Every way upwards through what is served, the longest of each branch first.
    for each in others if len(way) < _LONGEST else ():
        if each not in way and each.is_ca and served.issued_by(way[-1], each):
            yield from _ways((*way, each), others)
    yield way


def _best(
    ways: Sequence[_Way], roots: Sequence[Certificate], policy: Policy, now: datetime
) -> Path:
    ends = [_ended(way, roots, policy, now) for way in ways]
    good = [] if policy.only_served_path else [each for each in ends if each.trusted == "yes"]
    # Else the first way that ends at any root tells most; for OpenSSL 1.0.2 it is the only one.
    at_a_root = [each for each in ends if each.certificates]
    return (*good, *at_a_root, ends[0])[0]


def _ended(way: _Way, roots: Sequence[Certificate], policy: Policy, now: datetime) -> Path:
    root = _root(way, roots)
    if root is None:
        return Path(trusted="no", why=_stranger(way))
    below = [each for each in way[1:] if not _is(each, root)]
    dead = next((each for each in below if not each.not_before <= now <= each.not_after), None)
    if dead is not None:
        why = f"the certificate of {dead.title} is not valid at this time"
    elif policy.dated_roots and root.not_after < now:
        why = f"the root {root.title} has expired"
    else:
        return Path(trusted="yes", certificates=(*way, root))
    return Path(trusted="no", why=why, certificates=(*way, root))


def _root(way: _Way, roots: Sequence[Certificate]) -> Certificate | None:
    # The last of the way is a root, in whatever certificate, or a root has issued it.
    last = way[-1]
    for root in roots:
        above = root.subject == last.issuer and served.issued_by(last, root)
        if above or _is(last, root):
            return root
    return None


def _is(certificate: Certificate, root: Certificate) -> bool:
    return (certificate.subject, certificate.spki_sha256) == (root.subject, root.spki_sha256)


def _stranger(way: _Way) -> str:
    if way[-1].self_signed:
        return "it is self-signed" if len(way) == 1 else f"it does not trust {way[-1].subject}"
    return f"it does not trust {way[-1].issuer}"
