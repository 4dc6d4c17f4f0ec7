"""Records of DNS that say which certificate a name may have, and from whom."""

from dataclasses import dataclass, field


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
