"""Mailboxes of a lab, to be filled and looked into."""

import asyncio
import hashlib
import imaplib
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from certcheck import x509
from certcheck.lab import Lab
from certcheck.model.account import Account, Password
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Endpoint, Hostname, Scheme
from certcheck.model.mailbox import ImapMailbox, Mailbox
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.mailbox import Patience, mailbox
from certcheck.probe.session import Service
from tests.lab.asking import LOOPBACK, trusting
from tests.live.hosting import second_dovecot

# What the lab's servers serve before anything is installed is good for this name.
NAME = Hostname(ascii="mail.example.test", unicode="mail.example.test")
LIMITS = Limits(timeout=10.0, back_off=0.1)
PATIENCE = Patience(session=20.0, rests=(0.2, 0.5))
DOMAIN = "example.test"


def account(name: str, password: str = "", *, master: str = "") -> Account:
    """The account of a user of the lab; the lab's own password where none is given."""
    login = f"{name}@{DOMAIN}" + (f"*{master}" if master else "")
    return Account(login=login, password=Password(password or f"pw-{name}"))


def roots(lab: Lab) -> tuple[Certificate, ...]:
    """What Dovecot and Postfix serve: each has signed its own certificate."""
    files = ("dovecot/tls/fullchain.pem", "postfix/tls/chain.pem")
    pem = [re.sub(rb"(?s)^.*?(?=-----BEGIN CERT)", b"", (lab.path / f).read_bytes()) for f in files]
    return tuple(each for data in pem for each in x509.chain(data, where="the lab"))


def at(scheme: Scheme, port: int, host: Hostname = NAME) -> Service:
    """A service of the lab."""
    return Service(endpoint=Endpoint(scheme=scheme, host=host, port=port), address=LOOPBACK)


def services(lab: Lab, *schemes: Scheme) -> list[Service]:
    """The services of the lab with these schemes; without any, all that hold mail."""
    wanted: Sequence[Scheme] = schemes or ("imaps", "pop3s", "sieve")
    return [at(scheme, getattr(lab.ports, scheme)) for scheme in wanted]


def look(
    who: Account,
    at_these: Sequence[Service],
    trusted: tuple[Certificate, ...],
    *,
    patience: Patience = PATIENCE,
) -> Mailbox:
    """One look into a mailbox."""
    gate = Gate(LIMITS)
    return asyncio.run(
        mailbox(who, at_these, gate=gate, limits=LIMITS, roots=trusted, patience=patience)
    )


def by_imap(lab: Lab, who: Account, *schemes: Scheme) -> ImapMailbox:
    """The same by IMAP only."""
    seen = look(who, services(lab, *(schemes or ("imaps",))), roots(lab)).imap
    assert seen
    return seen


@contextmanager
def opened(lab: Lab, name: str, *, port: int = 0) -> Iterator[imaplib.IMAP4_SSL]:
    """A session of another program in a mailbox."""
    with imaplib.IMAP4_SSL(
        LOOPBACK, port or lab.ports.imaps, ssl_context=trusting(), timeout=10
    ) as session:
        session.login(f"{name}@{DOMAIN}", f"pw-{name}")
        yield session


def fill(session: imaplib.IMAP4, folder: str, messages: int) -> None:
    """Put messages into a folder."""
    for number in range(messages):
        text = f"Subject: {number}\r\n\r\nhello\r\n".encode()
        assert session.append(folder, "", "", text)[0] == "OK"


def mail_tree(lab: Lab, name: str) -> dict[str, str]:
    r"""Each message's place, file name (it holds the flags; in `new` it is \Recent) and hash.

    Dovecot's own indexes and lists of UIDs are its business: it writes them at any look.
    """
    home = lab.runtime / "mail" / f"{name}@{DOMAIN}"
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and (path.parent.name in ("cur", "new", "tmp") or "sieve" in path.parts
                               or path.name == "subscriptions")
    }  # fmt: skip


@contextmanager
def dovecot_with(lab: Lab, more: str, *changes: tuple[str, str]) -> Iterator[dict[str, int]]:
    """A second Dovecot over the same mailboxes, with more configuration; its ports by scheme."""
    text = (lab.path / "dovecot" / "dovecot.conf").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    config = lab.path / "dovecot" / "more.conf"
    config.write_text(text + more)
    with second_dovecot(config) as running:
        ports = re.findall(r"inet_listener (\w+) \{\s*port = (\d+)", running.read_text())
        yield {scheme: int(port) for scheme, port in ports}


def put_script(lab: Lab, name: str, script: str, *, active: bool = False) -> None:
    """Give a user a Sieve script, as Dovecot keeps it."""
    home = lab.runtime / "mail" / f"{name}@{DOMAIN}"
    (home / "sieve").mkdir(exist_ok=True)
    (home / "sieve" / f"{script}.sieve").write_text("keep;\n")
    if active:
        (home / ".dovecot.sieve").symlink_to(f"sieve/{script}.sieve")
    _to_mail_user(home)


def _to_mail_user(home: Path) -> None:
    subprocess.run(["chown", "-Rh", "nobody:nogroup", str(home)], check=True, timeout=10)
