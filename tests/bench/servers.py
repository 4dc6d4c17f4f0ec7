"""The servers that are asked: a wide and a modern Dovecot, and Postfix, in a network of our own.

In a network namespace with loopback only, every address of 127/8 is free at every registered port.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

from certcheck.lab import dovecot, greeting, pki, postfix
from certcheck.lab.daemons import Daemon, Daemons, held
from certcheck.lab.greeting import Check
from certcheck.lab.plan import HOST, Ports
from certcheck.lab.ports import LOOPBACK
from certcheck.lab.premises import Premises, folder, prepared
from certcheck.model.endpoint import PORTS, Scheme
from certcheck.targets import endpoint

MANY = tuple(f"127.2.0.{last}" for last in range(1, 251))
# On this port the modern Dovecot is at every loopback address.
SWEPT_PORT = 1430
_DEADLINE = 20.0

# Mozilla's "intermediate", as far as certificates of both kinds go.
_MODERN = ":".join(
    f"{key_exchange}-{rest}"
    for rest in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key_exchange in ("ECDHE-ECDSA", "ECDHE-RSA")
)
# Without ssl_dh Dovecot breaks off whenever OpenSSL chooses one of the DHE suites of its list.
_MORE_TLS = """\
ssl_dh = <{directory}/dovecot/tls/dh.pem
ssl_alt_cert = <{directory}/dovecot/tls/second.pem
ssl_alt_key = <{directory}/dovecot/tls/second.key
"""
_WIDE_DOVECOT = "ssl_min_protocol = TLSv1\nssl_cipher_list = ALL:@SECLEVEL=0"
_MODERN_DOVECOT = f"ssl_min_protocol = TLSv1.2\nssl_cipher_list = {_MODERN}"
_SWEPT = f"""\
  inet_listener swept {{
    port = {SWEPT_PORT}
    address = *
  }}
"""
_WIDE_POSTFIX = ">=TLSv1\ntls_medium_cipherlist = ALL:@SECLEVEL=0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A mail server with STARTTLS: directly at `address`, and far away at `far`."""

    name: str
    scheme: Scheme
    port: int
    address: str
    far: str


WIDE = Server(name="Dovecot, wide", scheme="imap", port=143, address="127.1.0.1", far="127.4.0.1")
MODERN = Server(name="Dovecot, modern", scheme="imap", port=143, address=MANY[0], far="127.4.0.2")
POSTFIX = Server(name="Postfix, wide", scheme="smtp", port=25, address="127.1.0.3", far="127.4.0.3")
SERVERS = (WIDE, MODERN, POSTFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server, directly or at the far end of the link."""

    server: Server
    is_far: bool

    @property
    def address(self) -> str:
        """Where it is asked."""
        return self.server.far if self.is_far else self.server.address

    @property
    def words(self) -> str:
        """How the document calls it."""
        return f"{self.server.name}, {'40 ms' if self.is_far else 'loopback'}"


_MAIL_PORTS: dict[str, int] = {name: port for name, port in PORTS.items() if name != "lmtp"}
_PORTS = Ports(**{each.name: _MAIL_PORTS.get(each.name, 0) for each in fields(Ports)})


@contextmanager
def up() -> Iterator[Path]:
    """All three, until the block ends, and a directory for what else is written meanwhile.

    Raises Obstacle when one does not answer.
    """
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="certcheck-bench-")))
        daemons = stack.enter_context(held(place / "holder.log"))
        authority = pki.authority()
        pairs = [authority.issue(pki.Shape(names=(HOST,), key=key)) for key in ("rsa2048", "ecdsa")]
        checks = []
        for server, prepare in ((WIDE, _wide), (MODERN, _modern), (POSTFIX, _postfix)):
            premises = _premises(place / server.name.translate({0x20: "-", 0x2C: None}), daemons)
            daemon = prepare(premises, pairs)
            daemons.start(daemon)
            checks.append(_check(server, daemon))
        greeting.wait(checks, daemons, seconds=_DEADLINE)
        yield place


def _premises(directory: Path, daemons: Daemons) -> Premises:
    premises = prepared(directory)
    if premises.outside:
        daemons.remove_at_end(premises.runtime)
    folder(premises.runtime)
    folder(premises.logs)
    return premises


def _check(server: Server, daemon: Daemon) -> Check:
    service = endpoint(f"{server.scheme}://{HOST}:{server.port}")
    return Check(
        daemon=daemon,
        what=server.name,
        ask=partial(greeting.greet, service, server.address),
    )


def _wide(premises: Premises, pairs: Sequence[pki.Identity]) -> Daemon:
    return _dovecot(premises, pairs, listen=WIDE.address, tls=_WIDE_DOVECOT)


def _modern(premises: Premises, pairs: Sequence[pki.Identity]) -> Daemon:
    return _dovecot(premises, pairs, listen=", ".join(MANY), tls=_MODERN_DOVECOT, more=_SWEPT)


def _dovecot(
    premises: Premises, pairs: Sequence[pki.Identity], *, listen: str, tls: str, more: str = ""
) -> Daemon:
    first, second = pairs
    daemon = dovecot.prepare(premises, _PORTS, first)
    premises.write("dovecot/tls/second.pem", second.chain)
    premises.write("dovecot/tls/second.key", second.key, mode=0o600)
    premises.write("dovecot/tls/dh.pem", _dh_parameters())
    more_tls = _MORE_TLS.format(directory=premises.directory)
    _rewritten(
        premises.directory / dovecot.CONFIG,
        (f"listen = {LOOPBACK}", f"listen = {listen}"),
        ("protocols = imap pop3 lmtp sieve", "protocols = imap"),
        ("instance_name = certcheck-lab", f"instance_name = bench-{premises.directory.name}"),
        ("ssl_min_protocol = TLSv1.2", f"{tls}\n{more_tls}"),
        ("  inet_listener imaps {", more + "  inet_listener imaps {"),
    )
    return daemon


def _dh_parameters() -> bytes:
    return subprocess.run(
        ["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"],
        check=True,
        capture_output=True,
        timeout=30,
    ).stdout


def _rewritten(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in changes:
        if old not in text:
            raise ValueError(f"{path.name} has no {old!r} any more")
        text = text.replace(old, new)
    written = path.stat().st_mtime
    path.write_text(text)
    os.utime(path, (written, written))  # Postfix waits while its main.cf is young


def _postfix(premises: Premises, pairs: Sequence[pki.Identity]) -> Daemon:
    daemon = postfix.prepare(premises, _PORTS, pairs[0])
    premises.write("postfix/tls/chain.pem", b"".join(p.key_first for p in pairs), mode=0o600)
    main, master = (premises.directory / postfix.CONFIG / name for name in ("main.cf", "master.cf"))
    _rewritten(
        main,
        ("smtpd_tls_protocols = >=TLSv1.2", f"smtpd_tls_protocols = {_WIDE_POSTFIX}"),
        ("smtpd_tls_exclude_ciphers = aNULL\n", ""),
    )
    _rewritten(master, (f"{LOOPBACK}:", f"{POSTFIX.address}:"))
    return daemon
