"""Where a mail program connects: protocol, host name, port and how TLS starts there."""

from dataclasses import dataclass
from typing import Literal, get_args

Protocol = Literal["imap", "pop3", "smtp", "sieve", "lmtp"]
TlsMode = Literal["implicit", "starttls"]
Scheme = Literal[
    "imap", "imaps", "pop3", "pop3s", "smtp", "submission", "submissions", "sieve", "lmtp"
]

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

# Service Name and Transport Protocol Port Number Registry (IANA); RFC 8314 7.3 for submissions.
PORTS: dict[Scheme, int] = {
    "imap": 143,
    "imaps": 993,
    "pop3": 110,
    "pop3s": 995,
    "smtp": 25,
    "submission": 587,
    "submissions": 465,
    "sieve": 4190,
    "lmtp": 24,
}

_PROTOCOLS: dict[Scheme, Protocol] = {
    "imap": "imap",
    "imaps": "imap",
    "pop3": "pop3",
    "pop3s": "pop3",
    "smtp": "smtp",
    "submission": "smtp",
    "submissions": "smtp",
    "sieve": "sieve",
    "lmtp": "lmtp",
}

_IMPLICIT: frozenset[Scheme] = frozenset({"imaps", "pop3s", "submissions"})


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Hostname:
    """A host name or IP address from `names.hostname`; `ascii` is what goes on the wire."""

    ascii: str
    unicode: str
    is_ip: bool = False

    @property
    def in_url(self) -> str:
        """The ASCII form, an IPv6 address in brackets."""
        return f"[{self.ascii}]" if ":" in self.ascii else self.ascii

    @property
    def server_name(self) -> str | None:
        """What SNI carries for it: never an IP address (RFC 6066 3)."""
        return None if self.is_ip else self.ascii

    @property
    def in_letters(self) -> str:
        """` (straße.example)`, to stand behind the ASCII form; nothing for an ASCII name."""
        return "" if self.unicode == self.ascii else f" ({self.unicode})"

    def __str__(self) -> str:
        """`xn--strae-oqa.example (straße.example)`: as in a URL, and Unicode where it differs."""
        return f"{self.in_url}{self.in_letters}"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Endpoint:
    """One service of one host name; `expected` says that a closed port here is a finding."""

    scheme: Scheme
    host: Hostname
    port: int
    expected: bool = True

    @property
    def protocol(self) -> Protocol:
        """The protocol that is spoken there, whatever the port and the TLS mode."""
        return _PROTOCOLS[self.scheme]

    @property
    def tls_mode(self) -> TlsMode:
        """How TLS starts: with the first byte, or after a command of the protocol."""
        return "implicit" if self.scheme in _IMPLICIT else "starttls"

    @property
    def url(self) -> str:
        """`imap://mail.example.org:143`, always with the port."""
        return f"{self.scheme}://{self.host.in_url}:{self.port}"

    @property
    def label(self) -> str:
        """`IMAP mail.example.org:143 STARTTLS`, the way a person says it; Unicode behind it."""
        tls = "STARTTLS" if self.tls_mode == "starttls" else "TLS"
        place = f"{self.host.in_url}:{self.port}{self.host.in_letters}"
        return f"{self.scheme.upper()} {place} {tls}"
