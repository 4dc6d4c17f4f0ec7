"""What a lab consists of before anything runs: its ports, options, names and users."""

from dataclasses import dataclass, fields

from certcheck.lab.ports import LOOPBACK

DOMAIN = "example.test"
HOST = f"mail.{DOMAIN}"
BUNDLE = (HOST, f"imap.{DOMAIN}", f"smtp.{DOMAIN}", f"pop.{DOMAIN}")
OLD_NAMES = (HOST, f"mx-old.{DOMAIN}")  # what both servers serve before the rollout
BLOCKED = f"blocked.{DOMAIN}"  # the CA refuses this name and those below it


@dataclass(frozen=True, slots=True, kw_only=True)
class LabOptions:
    """How a lab differs from the usual one.

    `nonce_reject` is the percentage of good nonces that Pebble refuses, `chain_length` the number
    of intermediates, `alternate_roots` the number of further chains that it offers; `deadline` is
    in seconds, until every port has answered.
    """

    nonce_reject: int = 0
    alternate_roots: int = 0
    chain_length: int = 1
    validity_days: int = 90
    deadline: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A mailbox, and who may open it."""

    login: str
    password: str


USERS = tuple(
    User(login=f"{name}@{DOMAIN}", password=f"pw-{name}") for name in ("alice", "bob", "carol")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The loopback port of each service."""

    imap: int
    imaps: int
    pop3: int
    pop3s: int
    sieve: int
    smtp: int
    submission: int
    submissions: int
    acme: int
    acme_management: int
    tls_alpn: int
    http01: int
    challenges: int
    challenges_dns: int
    nameserver: int
    resolver: int

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The mail services as URLs, each at the name that customers use for it."""
        return (
            f"imap://imap.{DOMAIN}:{self.imap}",
            f"imaps://imap.{DOMAIN}:{self.imaps}",
            f"pop3://pop.{DOMAIN}:{self.pop3}",
            f"pop3s://pop.{DOMAIN}:{self.pop3s}",
            f"sieve://imap.{DOMAIN}:{self.sieve}",
            f"smtp://smtp.{DOMAIN}:{self.smtp}",
            f"submission://smtp.{DOMAIN}:{self.submission}",
            f"submissions://smtp.{DOMAIN}:{self.submissions}",
        )


PORT_COUNT = len(fields(Ports))


def assigned(ports: tuple[int, ...]) -> Ports:
    """The services on these ports."""
    return Ports(**dict(zip((field.name for field in fields(Ports)), ports, strict=True)))


def address(port: int) -> str:
    """`127.0.0.1:PORT`."""
    return f"{LOOPBACK}:{port}"
