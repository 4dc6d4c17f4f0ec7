"""Records of DNS: which certificate a name may have, from whom, and who serves its mail."""

from dataclasses import dataclass, field
from typing import Literal

Status = Literal["found", "none", "bogus", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Tlsa:
    """A TLSA record (RFC 6698 2.1): `data` is a certificate or a public key, whole or hashed."""

    usage: int
    selector: int
    matching: int
    data: bytes = field(repr=False)

    def __str__(self) -> str:
        """`3 1 1 ab12…`, as it stands in a zone."""
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


def tlsa_owner(name: str, port: int) -> str:
    """Where the TLSA records of a port are: `_25._tcp.mail.example.org` (RFC 6698 3)."""
    return f"_{port}._tcp.{name}"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Caa:
    """A CAA record (RFC 8659 4.1): who may issue for a name; `tag` is in lower case."""

    flags: int
    tag: str
    value: str

    @property
    def critical(self) -> bool:
        """Whether who does not know the tag must not issue."""
        return bool(self.flags & 128)

    def __str__(self) -> str:
        """`0 issue "ca.example"`, as it stands in a zone."""
        return f'{self.flags} {self.tag} "{self.value}"'


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Mx:
    """An MX record (RFC 5321 5.1): who takes the mail of a domain; the lowest comes first."""

    preference: int
    exchange: str

    @property
    def is_null(self) -> bool:
        """Whether it says that the domain takes no mail (RFC 7505)."""
        return self.exchange == "."

    def __str__(self) -> str:
        """`10 mail.example.org.`, as it stands in a zone."""
        return f"{self.preference} {self.exchange.removesuffix('.')}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Srv:
    """An SRV record (RFC 2782): where a service of a domain is; the lowest priority comes first."""

    priority: int
    weight: int
    port: int
    target: str

    @property
    def is_null(self) -> bool:
        """Whether it says that the service is not offered (RFC 2782, RFC 6186 3.4)."""
        return self.target == "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What DNS says of one name and type: records as they stand in a zone, sorted.

    `secure` says that DNSSEC vouches for it.
    """

    status: Status
    secure: bool = False
    records: tuple[str, ...] = ()
