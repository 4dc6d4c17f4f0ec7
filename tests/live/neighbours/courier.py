"""Courier 5.0 (GnuTLS): IMAP and POP3, with the settings of Debian's /etc/courier."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certcheck.lab import pki
from certcheck.lab.daemons import Daemon
from certcheck.lab.ports import LOOPBACK, reserved
from certcheck.model.endpoint import Endpoint, Protocol, Scheme
from tests.live.neighbours.unpacked import (
    OWN,
    PACKAGES,
    MailServer,
    furnished,
    program,
    running,
    served,
)

_CAPABILITY = (
    "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"
)
_TLS = {
    "COURIERTLS": f"{PACKAGES}/usr/bin/couriertls",
    "TLS_CERTFILE": f"{OWN}/both-0.pem",
    "TLS_VERIFYPEER": "NONE",
}
_IMAP = {
    **_TLS,
    "IMAP_CAPABILITY": _CAPABILITY,
    "IMAP_CAPABILITY_TLS": f"{_CAPABILITY} AUTH=PLAIN",
    "IMAP_TLS_REQUIRED": "1",
}
_POP3 = {**_TLS, "POP3AUTH": "", "POP3AUTH_TLS": "LOGIN PLAIN", "POP3_TLS_REQUIRED": "1"}
_SETTINGS: dict[Scheme, dict[str, str]] = {
    "imap": {**_IMAP, "IMAP_STARTTLS": "YES"},
    "imaps": {**_IMAP, "IMAP_TLS": "1"},
    "pop3": {**_POP3, "POP3_STARTTLS": "YES"},
    "pop3s": {**_POP3, "POP3_TLS": "1"},
}
_SESSIONS: dict[Protocol, tuple[str, str]] = {
    "imap": ("lib/courier/courier/imaplogin", "bin/imapd"),
    "pop3": ("lib/courier/courier/courierpop3login", "lib/courier/courier/courierpop3d"),
}


@contextmanager
def a_courier(folder: Path, identity: pki.Identity) -> Iterator[MailServer]:
    """A Courier that serves one certificate."""
    furnished(folder, [identity], user="courier")
    with reserved(len(_SETTINGS)) as ports:
        services = served("imap.example.test", dict(zip(_SETTINGS, ports, strict=True)))
        daemons = {each.scheme: _daemon(folder, each) for each in services}
        server = MailServer(endpoints=services, identities=(identity,))
        with running(folder, daemons, server):
            yield server


def _daemon(folder: Path, service: Endpoint) -> Daemon:
    implicit = (f"{PACKAGES}/usr/bin/couriertls", "-server", "-tcpd")
    return program(
        folder,
        f"courier-{service.scheme}",
        *("usr/sbin/couriertcpd", f"-address={LOOPBACK}", "-maxprocs=100", "-maxperip=100"),
        *("-nodnslookup", "-noidentlookup", str(service.port)),
        *(implicit if service.tls_mode == "implicit" else ()),
        *(f"{PACKAGES}/usr/{each}" for each in _SESSIONS[service.protocol]),
        "Maildir",
        env=_SETTINGS[service.scheme],
    )
