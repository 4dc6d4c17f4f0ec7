"""Exim 4.96 (GnuTLS): SMTP, submission and submissions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certcheck.lab import pki
from certcheck.lab.ports import reserved
from tests.live.neighbours.unpacked import (
    OWN,
    PACKAGES,
    MailServer,
    furnished,
    program,
    running,
    served,
)

_CONFIG = """\
exim_path = {packages}/usr/sbin/exim4
smtp_accept_max = {most}
keep_environment =
primary_hostname = mail.example.test
spool_directory = {own}/spool
log_file_path = {own}/%slog
pid_file_path = {own}/exim.pid
local_interfaces = <; 127.0.0.1
daemon_smtp_ports = {smtp} : {submission} : {submissions}
tls_on_connect_ports = {submissions}
tls_advertise_hosts = *
tls_certificate = {chains}
tls_privatekey = {keys}
tls_require_ciphers = {priorities}
message_size_limit = 20M
host_lookup =
rfc1413_hosts =
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = false
  server_advertise_condition = ${{if def:tls_in_cipher}}
login:
  driver = plaintext
  public_name = LOGIN
  server_condition = false
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""


@contextmanager
def an_exim(
    folder: Path, *identities: pki.Identity, most: int = 0, priorities: str = "NORMAL"
) -> Iterator[MailServer]:
    """An Exim that serves one or two certificates, to `most` clients at a time (0: any number).

    A client whose handshake failed counts for another 0.5 s. `priorities` are GnuTLS's.
    """
    furnished(folder, identities, user="Debian-exim")
    with reserved(3) as (smtp, submission, submissions):
        numbers = range(len(identities))
        (folder / "exim.conf").write_text(
            _CONFIG.format(
                packages=PACKAGES,
                own=OWN,
                most=most,
                priorities=priorities,
                smtp=smtp,
                submission=submission,
                submissions=submissions,
                chains=" : ".join(f"{OWN}/chain-{each}.pem" for each in numbers),
                keys=" : ".join(f"{OWN}/key-{each}.pem" for each in numbers),
            )
        )
        endpoints = served(
            "smtp.example.test",
            {"smtp": smtp, "submission": submission, "submissions": submissions},
        )
        argv = ("usr/sbin/exim4", "-bdf", "-C", f"{OWN}/exim.conf")
        daemon = program(folder, "exim", *argv, log="mainlog")
        server = MailServer(endpoints=endpoints, identities=identities)
        with running(folder, dict.fromkeys((each.scheme for each in endpoints), daemon), server):
            yield server
