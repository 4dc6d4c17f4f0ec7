"""Private keys with their certificate chains, as they were issued for a set of names."""

from dataclasses import dataclass, field
from datetime import datetime

from certcheck.model.certificate import Certificate, KeyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A private key and the chain for it, leaf first, without the trust anchor."""

    key_pem: bytes = field(repr=False)
    chain: tuple[Certificate, ...]
    order_url: str = ""

    @property
    def leaf(self) -> Certificate:
        """The server's own certificate."""
        return self.chain[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation of a bundle: one pair, or one for each of several key types.

    `authority` says where it came from: the URL of an ACME directory, or a word for other ways.
    `lineage` is the directory in which certbot keeps its current files, if it is certbot's.
    """

    bundle: str
    number: int
    names: tuple[str, ...]
    authority: str
    created: datetime
    pairs: tuple[Pair, ...]
    lineage: str = ""

    @property
    def ref(self) -> str:
        """`mail/3`."""
        return f"{self.bundle}/{self.number}"

    @property
    def leaves(self) -> frozenset[str]:
        """The SHA-256 of every server certificate in it."""
        return frozenset(pair.leaf.sha256 for pair in self.pairs)

    @property
    def key_types(self) -> tuple[KeyType, ...]:
        """The families of its keys, in the order of its pairs."""
        return tuple(pair.leaf.key_type for pair in self.pairs)
