"""Opening mailboxes of animals: one look by each protocol, and whether it leaks the password."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from certcheck import x509
from certcheck.model.account import Account, Password
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Scheme
from certcheck.model.mailbox import (
    ImapMailbox,
    Mailbox,
    Pop3Mailbox,
    SieveScripts,
)
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.mailbox import Patience, mailbox
from certcheck.probe.session import Service
from tests.zoo.identities import identity
from tests.zoo.keeper import Behaviour, kept
from tests.zoo.mailbox_animals import IMAP, POP3, SIEVE, Answer, box
from tests.zoo.visit import at

PASSWORD = 'hunter2 "zwölf"'
ALICE = Account(login="alice@example.test", password=Password(PASSWORD))
LIMITS = Limits(timeout=2.0, back_off=0.1)
PATIENCE = Patience(session=3.0, rests=(0.05, 0.05))
STARTTLS = (
    (b'"SIEVE" "fileinto"\r\n"STARTTLS"\r\nOK\r\n', b"STARTTLS"),
    (b"OK\r\n", b""),
)
LEAKS = ("hunter2", base64.b64encode(PASSWORD.encode()).decode()[:16])


def zoo_roots() -> tuple[Certificate, ...]:
    return x509.chain(identity("ecdsa", "mail.example.test").certificate, where="the zoo")


def looked(
    behaviours: Sequence[tuple[Scheme, Behaviour]],
    *,
    account: Account = ALICE,
    roots: tuple[Certificate, ...] | None = None,
    patience: Patience = PATIENCE,
) -> Mailbox:
    with ExitStack() as zoo:
        places = [(scheme, zoo.enter_context(kept(b))) for scheme, b in behaviours]
        services = [Service(endpoint=at(p, scheme), address=p.address) for scheme, p in places]
        trusted = zoo_roots() if roots is None else roots
        gate = Gate(LIMITS)
        asked = mailbox(
            account, services, gate=gate, limits=LIMITS, roots=trusted, patience=patience
        )
        seen = asyncio.run(asked)
    assert not [leak for leak in LEAKS if leak in repr(seen)]
    return seen


def imap(*changes: Mapping[str, Answer], patience: Patience = PATIENCE) -> ImapMailbox:
    seen = looked([("imaps", box(IMAP, *changes))], patience=patience).imap
    assert seen
    return seen


def pop3(*changes: Mapping[str, Answer]) -> Pop3Mailbox:
    seen = looked([("pop3s", box(POP3, *changes))]).pop3
    assert seen
    return seen


def sieve(*changes: Mapping[str, Answer]) -> SieveScripts:
    seen = looked([("sieve", box(SIEVE, *changes, starttls=STARTTLS))]).sieve
    assert seen
    return seen


def listed(*lines: bytes) -> dict[str, Answer]:
    return {'LIST "" "*"': b"".join(line + b"\r\n" for line in lines) + b"%T OK\r\n"}
