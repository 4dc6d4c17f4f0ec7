"""A Dovecot and a Postfix of every shape, each at a loopback address of its own."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

from certcheck import x509
from certcheck.lab import dovecot, greeting, pki, postfix
from certcheck.lab.daemons import Daemon, Daemons, held
from certcheck.lab.greeting import Check
from certcheck.lab.plan import Ports
from certcheck.lab.ports import LOOPBACK, reserved
from certcheck.lab.premises import Premises, folder, prepared
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Endpoint
from certcheck.targets import endpoint
from tests.clients.shapes import IDENTITIES, Shape, Version

_DEADLINE = 30.0
# The programs below are asked to do what OpenSSL's own defaults of Debian would not let them do.
_OPENSSL = """\
openssl_conf = first
[first]
ssl_conf = second
[second]
system_default = third
[third]
CipherString = DEFAULT:@SECLEVEL=0
MinProtocol = TLSv1
MaxProtocol = {newest}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the servers are; `hosts` names them, and `root` is the CA that programs may trust."""

    addresses: Mapping[str, str]
    imap: int
    imaps: int
    submission: int
    hosts: Path
    root: Path
    directory: Path

    @property
    def trusted(self) -> Certificate:
        """The root as certcheck reads it."""
        return x509.chain(self.root.read_bytes(), where=self.root.name)[0]

    def log(self, shape: Shape) -> Path:
        """What the Dovecot of this shape says."""
        return self.directory / shape.newest / "log" / "dovecot.log"

    def leaf(self, shape: Shape) -> Path:
        """The first certificate that is served, with what is served along with it."""
        return self.directory / shape.newest / f"dovecot/tls/{shape.id}-ssl_cert.pem"

    def services(self, shape: Shape) -> Mapping[str, Endpoint]:
        """Dovecot and Postfix of this shape, by name."""
        return {
            "dovecot": endpoint(f"imaps://{shape.host}:{self.imaps}"),
            "postfix": endpoint(f"submission://{shape.host}:{self.submission}"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    shape: Shape
    address: str
    identities: tuple[pki.Identity, ...]
    unnamed: pki.Identity | None


@contextmanager
def up(place: Path, shapes: Sequence[Shape]) -> Iterator[Site]:
    """Servers of all these shapes, until the block ends; `place` is a new directory."""
    with ExitStack() as stack:
        names = [each.name for each in fields(Ports)]
        ports = dict(zip(names, stack.enter_context(reserved(len(names))), strict=True))
        daemons = stack.enter_context(held(place / "holder.log"))
        authority = pki.authority(key="rsa2048")
        served = [_served(each, authority, n) for n, each in enumerate(shapes, 1)]
        checks = list(_started(place, served, Ports(**ports), daemons))
        greeting.wait(checks, daemons, seconds=_DEADLINE)
        root = place / "root.pem"
        root.write_bytes(authority.root.certificate)
        hosts = place / "hosts"
        hosts.write_text("".join(f"{each.address} {each.shape.host}\n" for each in served))
        yield Site(
            addresses={each.shape.id: each.address for each in served},
            **{name: ports[name] for name in ("imap", "imaps", "submission")},
            hosts=hosts,
            root=root,
            directory=place,
        )


def _served(shape: Shape, authority: pki.Authority, number: int) -> _Served:
    identities = tuple(IDENTITIES[each](authority, shape.host) for each in shape.served)
    return _Served(
        shape=shape,
        address=f"127.6.0.{number}",
        identities=identities,
        unnamed=IDENTITIES[shape.unnamed](authority, shape.host) if shape.unnamed else None,
    )


def _started(
    place: Path, served: Sequence[_Served], ports: Ports, daemons: Daemons
) -> Iterator[Check]:
    # Dovecot has no setting for the newest version: that is OpenSSL's, for a whole Dovecot.
    versions = dict.fromkeys(each.shape.newest for each in served)
    for version in versions:
        those = [each for each in served if each.shape.newest == version]
        premises = _premises(place / version, daemons)
        daemon = _dovecot(premises, ports, those, version)
        daemons.start(daemon)
        yield from (_check(daemon, each, f"imap://{{}}:{ports.imap}") for each in those)
        if len(those) == max(len([s for s in served if s.shape.newest == v]) for v in versions):
            daemon = _postfix(premises, ports, served)
            daemons.start(daemon)
            url = f"submission://{{}}:{ports.submission}"
            yield from (_check(daemon, each, url) for each in served)


def _check(daemon: Daemon, served: _Served, url: str) -> Check:
    service = endpoint(url.format(served.shape.host))
    return Check(
        daemon=daemon, what=service.label, ask=partial(greeting.greet, service, served.address)
    )


def _premises(directory: Path, daemons: Daemons) -> Premises:
    premises = prepared(directory)
    if premises.outside:
        daemons.remove_at_end(premises.runtime)
    folder(premises.runtime)
    folder(premises.logs)
    return premises


def _dovecot(
    premises: Premises, ports: Ports, served: Sequence[_Served], newest: Version
) -> Daemon:
    daemon = dovecot.prepare(premises, ports, served[0].identities[0])
    conf = premises.write("openssl.cnf", _OPENSSL.format(newest=newest))
    dh = premises.write("dovecot/tls/dh.pem", _dh_parameters())
    addresses = ", ".join(each.address for each in served)
    environment = f"import_environment = $import_environment OPENSSL_CONF={conf}"
    _rewritten(
        premises.directory / dovecot.CONFIG,
        (f"listen = {LOOPBACK}", f"listen = {addresses}\n{environment}\nssl_dh = <{dh}"),
        ("protocols = imap pop3 lmtp sieve", "protocols = imap"),
        ("instance_name = certcheck-lab", f"instance_name = proof-{newest}"),
        more="".join(_local(premises, each) for each in served),
    )
    return Daemon(name=f"dovecot {newest}", argv=daemon.argv, output=daemon.output, log=daemon.log)


def _dh_parameters() -> bytes:
    # Without them Dovecot breaks off whenever OpenSSL chooses one of the DHE suites of its list.
    return subprocess.run(
        ["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"],
        check=True,
        capture_output=True,
        timeout=30,
    ).stdout


def _local(premises: Premises, served: _Served) -> str:
    shape = served.shape
    lines = [f"ssl_min_protocol = {shape.oldest}"]
    for word, identity in zip(("ssl_", "ssl_alt_"), served.identities, strict=False):
        name = f"dovecot/tls/{shape.id}-{word}"
        cert = premises.write(f"{name}cert.pem", identity.chain)
        key = premises.write(f"{name}key.pem", identity.key, mode=0o600)
        lines += [f"{word}cert = <{cert}", f"{word}key = <{key}"]
    if shape.suites:
        lines.append(f"ssl_cipher_list = {shape.suites}")
    if shape.servers_order:
        lines.append("ssl_prefer_server_ciphers = yes")
    if served.unnamed:
        cert = premises.write(f"dovecot/tls/{shape.id}-unnamed.pem", served.unnamed.chain)
        key = premises.write(f"dovecot/tls/{shape.id}-unnamed.key", served.unnamed.key, mode=0o600)
        named = "\n    ".join(lines)
        lines = [f"ssl_cert = <{cert}", f"ssl_key = <{key}"]
        lines.append(f"local_name {shape.host} {{\n    {named}\n  }}")
    return f"local {served.address} {{\n  " + "\n  ".join(lines) + "\n}\n"


def _postfix(premises: Premises, ports: Ports, served: Sequence[_Served]) -> Daemon:
    daemon = postfix.prepare(premises, ports, served[0].identities[0])
    conf = premises.write("openssl-postfix.cnf", _OPENSSL.format(newest="TLSv1.3"))
    main, master = (premises.directory / postfix.CONFIG / name for name in ("main.cf", "master.cf"))
    usual = "MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C"
    _rewritten(main, more=f"import_environment = {usual} OPENSSL_CONF={conf}\n")
    text = master.read_text()
    kept = text[text.index("pickup ") :]
    lines = [_submission(premises, ports, each) for each in served]
    _write(master, "".join(lines) + kept)
    return daemon


def _submission(premises: Premises, ports: Ports, served: _Served) -> str:
    shape = served.shape
    files = [
        premises.write(f"postfix/tls/{shape.id}-{n}.pem", each.key_first, mode=0o600)
        for n, each in enumerate(served.identities)
    ]
    by_name = {}
    if served.unnamed:
        name = f"postfix/tls/{shape.id}"
        named = premises.write(f"{name}.map", f"{shape.host} {files[0]}\n")
        by_name = {"tls_server_sni_maps": f"texthash:{named}"}
        files = [premises.write(f"{name}-unnamed.pem", served.unnamed.key_first, mode=0o600)]
    protocols = f">={shape.oldest},<={shape.newest}"
    options = {
        "syslog_name": f"postfix/{shape.id}",
        "smtpd_tls_security_level": "encrypt",
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_tls_chain_files": ",".join(map(str, files)),
        "smtpd_tls_mandatory_protocols": protocols,
        "tls_preempt_cipherlist": "yes" if shape.servers_order else "no",
        **by_name,
        **({"tls_medium_cipherlist": shape.suites} if shape.suites else {}),
    }
    lines = "".join(f"  -o {name}={value}\n" for name, value in options.items())
    return f"{served.address}:{ports.submission} inet n - n - - smtpd\n{lines}"


def _rewritten(path: Path, *changes: tuple[str, str], more: str = "") -> None:
    text = path.read_text()
    for old, new in changes:
        if old not in text:
            raise ValueError(f"{path.name} has no {old!r} any more")
        text = text.replace(old, new)
    _write(path, text + more)


def _write(path: Path, text: str) -> None:
    written = path.stat().st_mtime
    path.write_text(text)
    os.utime(path, (written, written))  # Postfix waits while its main.cf is young
