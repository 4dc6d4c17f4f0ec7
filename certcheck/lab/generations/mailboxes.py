"""Mailboxes with known contents: folders, flags, keywords, gaps in the UIDs, Sieve scripts."""

import imaplib
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from certcheck.lab.generations.finish import USERS as ACCOUNTS
from certcheck.lab.generations.host import Host
from certcheck.lab.generations.namespace import Namespace
from certcheck.lab.generations.plan import PORTS
from certcheck.lab.plan import USERS, User

UMLAUTS = "Entw&APw-rfe"  # Entwürfe, RFC 3501 5.1.3
FOLDERS = ("INBOX", "Sent", "Trash", "Archive.2025", UMLAUTS)
SUBSCRIBED = ("Sent", "Archive.2025", UMLAUTS)
FLAGS = ("", "\\Seen", "\\Seen \\Answered", "\\Flagged", "\\Seen $Label1", "\\Seen Kunde")
SIEVE = """\
require ["fileinto"];
if header :contains "subject" "[list]" {
  fileinto "Archive.2025";
}
"""
WITH_SIEVE = USERS[:2]

_PER_FOLDER = {"alice": 8, "bob": 5, "carol": 2}
_EXPUNGED = "1:2"  # of alice's INBOX, so that its UIDs begin later
_FIRST = 1_700_000_000  # when the first message came in
_HOUR = 3600
_TIMEOUT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where somebody logs in: from which network, at which address."""

    network: Namespace
    address: str

    def session(self, user: User) -> imaplib.IMAP4:
        """A logged-in IMAP session over TLS; any certificate will do."""
        return self.network.call(lambda: _logged_in(self.address, user))


def _logged_in(address: str, user: User) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    session = imaplib.IMAP4_SSL(address, PORTS.imaps, ssl_context=context, timeout=_TIMEOUT)
    try:
        session.login(user.login, user.password)
    except imaplib.IMAP4.error:
        session.shutdown()
        raise
    return session


def fill(door: Door, host: Host) -> None:
    """Put everything into the empty mailboxes of a host, by IMAP and as files."""
    for user in USERS:
        with door.session(user) as session:
            _fill(session, user)
    for user in WITH_SIEVE:
        _script(host, user)


def _fill(session: imaplib.IMAP4, user: User) -> None:
    for folder in FOLDERS[1:]:
        session.create(folder)
    for folder in SUBSCRIBED:
        session.subscribe(folder)
    name = user.login.partition("@")[0]
    for number in range(_PER_FOLDER[name]):
        for place, folder in enumerate(FOLDERS):
            flags = FLAGS[(number + place) % len(FLAGS)]
            date = imaplib.Time2Internaldate(_FIRST + number * _HOUR)
            session.append(folder, f"({flags})", date, _message(user, folder, number))
    if user == USERS[0]:
        session.select("INBOX")
        session.store(_EXPUNGED, "+FLAGS", "\\Deleted")
        session.expunge()


def _message(user: User, folder: str, number: int) -> bytes:
    lines: Sequence[str] = (
        "From: someone@example.test",
        f"To: {user.login}",
        f"Subject: message {number} in {folder}",
        f"Message-ID: <{number}.{folder}.{user.login}>",
        "",
        "x" * (100 * number + 10),
        "",
    )
    return "\r\n".join(lines).encode()


def _script(host: Host, user: User) -> None:
    home = host.path(f"/var/vmail/{user.login}")
    place = home / "sieve"
    place.mkdir(exist_ok=True)
    (place / "main.sieve").write_text(SIEVE)
    (home / ".dovecot.sieve").symlink_to("sieve/main.sieve")
    for path in (place, place / "main.sieve", home / ".dovecot.sieve"):
        _own(path)


def _own(path: Path) -> None:
    number = ACCOUNTS["vmail"][0]
    os.chown(path, number, number, follow_symlinks=False)
