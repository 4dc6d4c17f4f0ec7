"""HAProxy 2.6, which ends TLS before the Dovecot and the Postfix of a lab."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certcheck.lab import pki
from certcheck.lab.ports import LOOPBACK, reserved
from certcheck.model.endpoint import Scheme
from tests.live.neighbours.unpacked import OWN, MailServer, furnished, program, running, served

_DEFAULTS = """\
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
"""


@contextmanager
def an_haproxy(
    folder: Path, *identities: pki.Identity, behind: dict[Scheme, int]
) -> Iterator[MailServer]:
    """An HAProxy with certificates for all schemes, and the plain port behind each."""
    furnished(folder, identities)
    with reserved(len(behind)) as numbers:
        ports = dict(zip(behind, numbers, strict=True))
        certificates = " ".join(f"crt {OWN}/both-{each}.pem" for each in range(len(identities)))
        (folder / "haproxy.cfg").write_text(
            _DEFAULTS
            + "".join(
                f"listen {scheme}\n"
                f"  bind {LOOPBACK}:{ports[scheme]} ssl {certificates}\n"
                f"  server plain {LOOPBACK}:{plain}\n"
                for scheme, plain in behind.items()
            )
        )
        daemon = program(folder, "haproxy", "usr/sbin/haproxy", "-db", "-f", f"{OWN}/haproxy.cfg")
        server = MailServer(endpoints=served("mail.example.test", ports), identities=identities)
        with running(folder, dict.fromkeys(ports, daemon), server):
            yield server
