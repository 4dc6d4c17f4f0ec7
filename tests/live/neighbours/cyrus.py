"""Cyrus 3.6: IMAP, POP3, ManageSieve and LMTP."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from certcheck.lab import pki
from certcheck.lab.ports import reserved
from certcheck.model.endpoint import Scheme
from tests.live.neighbours.unpacked import (
    OWN,
    PACKAGES,
    MailServer,
    furnished,
    program,
    running,
    served,
)

_BIN = f"{PACKAGES}/usr/lib/cyrus/bin"
_PROGRAMS: dict[Scheme, str] = {
    "imap": "imapd",
    "imaps": "imapd -s",
    "pop3": "pop3d",
    "pop3s": "pop3d -s",
    "sieve": "timsieved",
    "lmtp": "lmtpd",
}
_IMAPD_CONF = f"""\
configdirectory: {OWN}
partition-default: {OWN}
defaultpartition: default
sievedir: {OWN}
servername: mail.example.test
tls_server_cert: {OWN}/chain-0.pem
tls_server_key: {OWN}/key-0.pem
tls_versions: tls1_2 tls1_3
allowplaintext: no
sasl_mech_list: PLAIN
proc_path: {OWN}/proc
mboxname_lockpath: {OWN}/lock
lmtpsocket: {OWN}/lmtp
master_ready_file: {OWN}/ready
"""


@contextmanager
def a_cyrus(folder: Path, identity: pki.Identity) -> Iterator[MailServer]:
    """A Cyrus that serves one certificate."""
    furnished(folder, [identity], user="cyrus")
    with reserved(len(_PROGRAMS)) as numbers:
        ports: Mapping[Scheme, int] = dict(zip(_PROGRAMS, numbers, strict=True))
        (folder / "imapd.conf").write_text(_IMAPD_CONF)
        (folder / "cyrus.conf").write_text(_cyrus_conf(ports))
        daemon = program(
            folder,
            "cyrus",
            *("usr/lib/cyrus/bin/master", "-D", "-p", f"{OWN}/pid"),
            *("-C", f"{OWN}/imapd.conf", "-M", f"{OWN}/cyrus.conf"),
        )
        server = MailServer(endpoints=served("imap.example.test", ports), identities=(identity,))
        with running(folder, dict.fromkeys(ports, daemon), server):
            yield server


def _cyrus_conf(ports: Mapping[Scheme, int]) -> str:
    services = "\n".join(
        f'  {scheme} cmd="{_BIN}/{_PROGRAMS[scheme]} -C {OWN}/imapd.conf" '
        f'listen="127.0.0.1:{port}" prefork=0 maxchild=100'
        for scheme, port in ports.items()
    )
    return f"""\
START {{
  recover cmd="{_BIN}/ctl_cyrusdb -C {OWN}/imapd.conf -r"
}}
SERVICES {{
{services}
}}
EVENTS {{
}}
"""
