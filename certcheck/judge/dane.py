"""Whether TLSA records let a mail program accept a certificate (RFC 6698, RFC 7671)."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from certcheck import x509
from certcheck.model.certificate import Certificate
from certcheck.model.record import Tlsa

Chain = Sequence[Certificate]

# RFC 6698 2.1.1: 0 and 1 also ask for a trusted authority, which is not for this module to say.
_OF_AUTHORITY = {0, 2}
_OF_SERVER = {1, 3}

# RFC 6698 2.1.2
_SELECTORS: Mapping[int, Callable[[bytes], bytes]] = {0: bytes, 1: x509.public_key}

# RFC 6698 2.1.3
_MATCHING: Mapping[int, Callable[[bytes], bytes]] = {
    0: bytes,
    1: lambda content: hashlib.sha256(content).digest(),
    2: lambda content: hashlib.sha512(content).digest(),
}


def unmatched(chains: Iterable[Chain], records: Sequence[Tlsa]) -> tuple[Chain, ...]:
    """The chains, leaf first, that no record matches."""
    return tuple(chain for chain in chains if not any(matches(r, chain) for r in records))


def matches(record: Tlsa, chain: Chain) -> bool:
    """Whether the record speaks of this chain as it is served; an unknown or broken one does not.

    An authority that is pinned must be in the chain: a client that knows only its hash cannot
    fetch it (RFC 7671 5.2.2).
    """
    if record.usage in _OF_SERVER:
        return _is_of(record, chain[0])
    authorities = (each for each in chain[1:] if each.is_ca)
    return record.usage in _OF_AUTHORITY and any(_is_of(record, each) for each in authorities)


def fitting(leaf: Certificate) -> Tlsa:
    """The record that RFC 7671 5.1 recommends for a server: DANE-EE, its public key, SHA-256."""
    return Tlsa(usage=3, selector=1, matching=1, data=bytes.fromhex(leaf.spki_sha256))


def _is_of(record: Tlsa, certificate: Certificate) -> bool:
    select, match = _SELECTORS.get(record.selector), _MATCHING.get(record.matching)
    if select is None or match is None:
        return False
    try:
        return match(select(certificate.der)) == record.data
    except ValueError:
        return False  # a key that nobody can read
