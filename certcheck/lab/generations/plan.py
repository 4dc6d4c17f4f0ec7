"""What a lab of two generations consists of before anything runs: addresses, names, users."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from certcheck.lab.plan import BUNDLE, DOMAIN, HOST, Ports

Which = Literal["old", "new"]

OLD_HOST = f"mail-old.{DOMAIN}"
NEW_HOST = f"mail-new.{DOMAIN}"
LEGACY = f"legacy.{DOMAIN}"  # has a certificate of its own, for those who send this name
NAMES = (*BUNDLE, LEGACY)

DEVICE = "eth0"
BRIDGE = "br0"

# In a network of one's own every port is free.
PORTS = Ports(
    imap=143,
    imaps=993,
    pop3=110,
    pop3s=995,
    sieve=4190,
    smtp=25,
    submission=587,
    submissions=465,
    acme=14000,
    acme_management=15000,
    tls_alpn=443,
    http01=80,
    challenges=8055,
    challenges_dns=8053,
    nameserver=5300,
    resolver=53,
)
SERVICES: Mapping[str, int] = {
    "imap": PORTS.imap,
    "imaps": PORTS.imaps,
    "pop3": PORTS.pop3,
    "pop3s": PORTS.pop3s,
    "sieve": PORTS.sieve,
    "smtp": PORTS.smtp,
    "submission": PORTS.submission,
    "submissions": PORTS.submissions,
}
ENDPOINTS = tuple(f"{scheme}://{HOST}:{port}" for scheme, port in SERVICES.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One machine's two addresses in the network of the lab."""

    ipv4: str
    ipv6: str

    @property
    def both(self) -> tuple[str, str]:
        """IPv4 first."""
        return (self.ipv4, self.ipv6)


def address(number: int) -> Address:
    """The addresses of machine number 1 to 250."""
    return Address(ipv4=f"10.77.0.{number}", ipv6=f"fd00:77::{number}")


CLIENT = address(1)
SERVICE = address(10)
OLD_ADDRESS = address(11)
NEW_ADDRESS = address(12)
FIRST_FURTHER = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedUser:
    """A mailbox whose password is known to the servers by its hash only."""

    login: str
    password: str
    scheme: str
    hashed: str


HASHED_USERS = (
    HashedUser(
        login=f"md5@{DOMAIN}",
        password="pw-md5",  # noqa: S106 - the lab\'s passwords are no secrets
        scheme="MD5-CRYPT",  # Dovecot 2.4 refuses it
        hashed="$1$1Fj4dmXD$ekVREb9EmWYmgLedSJOCk/",
    ),
    HashedUser(
        login=f"sha512@{DOMAIN}",
        password="pw-sha512",  # noqa: S106 - the lab\'s passwords are no secrets
        scheme="SHA512-CRYPT",
        hashed="$6$htFAeo02KNGUv7D0$tNXRSZdz9jVnjjyfqGR1Aw4edReh9hsWyJV8QiLKQKERb5ZJWp1b8bvRJhbhH5gpNcvpuPf/Ch1PGjPseOffM0",
    ),
    HashedUser(
        login=f"blf@{DOMAIN}",
        password="pw-blf",  # noqa: S106 - the lab\'s passwords are no secrets
        scheme="BLF-CRYPT",
        hashed="$2y$05$ndcFqSG5noT00.KipVlPhuwUcQxGHlMYdBYC.xjSie87SIrZixcjC",
    ),
    HashedUser(
        login=f"argon2id@{DOMAIN}",
        password="pw-argon2id",  # noqa: S106 - the lab\'s passwords are no secrets
        scheme="ARGON2ID",
        hashed="$argon2id$v=19$m=65536,t=3,p=1$vmRZDV9wAXOFbvVpOfmsZw$S3ZqUETZCgvwRLUJnuY/BNVa9LeeT0kdo6gMJY8wsrE",
    ),
)
MASTER = "master"
MASTER_PASSWORD = "pw-master"  # noqa: S105 - as above
SEPARATOR = "*"  # `alice@example.test*master` is alice, opened with the master's password
