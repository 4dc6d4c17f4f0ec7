"""A private key with its certificate chain, as it was issued for a set of names."""

from dataclasses import dataclass, field
from datetime import datetime

from certcheck.model.certificate import Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation of a bundle; `chain` is leaf first, without the trust anchor."""

    bundle: str
    number: int
    names: tuple[str, ...]
    key_kind: str
    directory: str
    order_url: str
    created: datetime
    chain: tuple[Certificate, ...]
    key_pem: bytes = field(repr=False)

    @property
    def ref(self) -> str:
        """`mail/3`."""
        return f"{self.bundle}/{self.number}"

    @property
    def leaf(self) -> Certificate:
        """The server's own certificate."""
        return self.chain[0]
