"""A lab from the first port to the last process: up, served, down."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from certcheck.lab import dovecot, greeting, pebble, pki, postfix, resolver, zone
from certcheck.lab.daemons import Daemon, Daemons, held
from certcheck.lab.description import Lab, MailHost, MailServer, as_json, as_toml
from certcheck.lab.greeting import Check
from certcheck.lab.plan import (
    HOST,
    OLD_NAMES,
    PORT_COUNT,
    USERS,
    LabOptions,
    Ports,
    address,
    assigned,
)
from certcheck.lab.ports import LOOPBACK, reserved
from certcheck.lab.premises import Premises, folder, prepared, program
from certcheck.targets import endpoint

DEFAULT = LabOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawing:
    """Everything that is written and decided before the first process runs."""

    premises: Premises
    ports: Ports
    ca: pebble.Ca
    dns: resolver.Dns
    dovecot: Daemon
    postfix: Daemon

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        """All of them; Dovecot before Postfix, whose smtpd dies without a SASL socket."""
        return (*self.ca.daemons, self.dns.nsd, self.dns.unbound, self.dovecot, self.postfix)


@contextmanager
def up(directory: Path, *, options: LabOptions = DEFAULT) -> Iterator[Lab]:
    """A running lab in `directory`, which is empty or missing; at the end no process is left.

    Raises InputError for the directory, and Obstacle for missing rights and programs, or when a
    daemon does not answer in time.
    """
    with _running(directory, options) as (lab, _):
        yield lab


def publish(lab: Lab, records: str, *, unsigned: Sequence[str] = ()) -> None:
    """Add records to the lab's zone, in zone file syntax, and wait until its resolver has them.

    They replace those of the last call: `publish(lab, "")` takes them away. Those of the owners in
    `unsigned` are bogus to its resolver.
    """
    resolver.publish(lab.zone, lab.ports, (lab.nsd, lab.unbound), records, unsigned)


def serve(directory: Path, ready: Callable[[Lab], None], *, options: LabOptions = DEFAULT) -> None:
    """Run a lab, hand it to `ready`, and stop it on SIGTERM or SIGINT; main thread only.

    Raises what `up` raises, and Obstacle when a daemon dies meanwhile.
    """
    with stop_signals() as stop, _running(directory, options) as (lab, daemons):
        ready(lab)
        daemons.watch(until=stop)


@contextmanager
def _running(directory: Path, options: LabOptions) -> Iterator[tuple[Lab, Daemons]]:
    premises = prepared(directory)
    log = folder(premises.logs) / "holder.log"
    with reserved(PORT_COUNT) as numbers, held(log) as daemons:
        if premises.outside:
            # First: from now on it goes, even if we are killed while we make it.
            daemons.remove_at_end(premises.runtime)
        folder(premises.runtime)
        drawing = _drawn(premises, assigned(numbers), options)
        pids = {daemon.name: daemons.start(daemon) for daemon in drawing.daemons}
        greeting.wait(_checks(drawing), daemons, seconds=options.deadline)
        lab = _described(drawing, daemons, pids)
        daemons.remove_at_end(premises.directory / "lab.json")
        premises.write("lab.json.new", as_json(lab), mode=0o600).replace(
            premises.directory / "lab.json"
        )
        yield lab, daemons


def _drawn(premises: Premises, ports: Ports, options: LabOptions) -> _Drawing:
    old = pki.make(pki.Shape(names=OLD_NAMES, key="rsa2048", starts=-700, ends=30))
    return _Drawing(
        premises=premises,
        ports=ports,
        ca=pebble.prepare(premises, ports, options),
        dns=resolver.prepare(premises, ports),
        dovecot=dovecot.prepare(premises, ports, old),
        postfix=postfix.prepare(premises, ports, old),
    )


def _checks(drawing: _Drawing) -> list[Check]:
    ports, ca, dns = drawing.ports, drawing.ca, drawing.dns
    challtestsrv, acme = ca.daemons

    fetch = partial(pebble.fetched, ca_file=ca.ca_file)
    mail = [endpoint(url) for url in ports.endpoints]
    return [
        Check(
            daemon=drawing.postfix if each.protocol == "smtp" else drawing.dovecot,
            what=each.url,
            ask=partial(greeting.greet, each),
        )
        for each in mail
    ] + [
        Check(
            daemon=challtestsrv,
            what="management",
            ask=partial(greeting.listens, ports.challenges),
        ),
        Check(daemon=acme, what="directory", ask=partial(fetch, ca.directory)),
        Check(daemon=acme, what="roots", ask=partial(fetch, f"{ca.management}/roots/0")),
        Check(daemon=dns.nsd, what="zone", ask=partial(zone.served_serial, ports.nameserver)),
        Check(daemon=dns.unbound, what="zone", ask=partial(zone.served_serial, ports.resolver)),
    ]


def _described(drawing: _Drawing, daemons: Daemons, pids: dict[str, int]) -> Lab:
    premises, ports, ca = drawing.premises, drawing.ports, drawing.ca
    host = _host(premises, ports)
    folder(premises.directory / "state", mode=0o700)
    toml = as_toml(host=host, ports=ports, directory=ca.directory, acme_ca=ca.ca_file)
    root = pebble.fetched(f"{ca.management}/roots/0", ca_file=ca.ca_file)
    return Lab(
        hosts=(host,),
        acme_directory=ca.directory,
        acme_ca=ca.ca_file,
        acme_root=premises.write("acme-root.pem", root),
        http01_port=ports.http01,
        challtestsrv=f"http://{address(ports.challenges)}",
        users=USERS,
        config=premises.write("certcheck.toml", toml),
        pids=(daemons.holder, *pids.values()),
        path=premises.directory,
        runtime=premises.runtime,
        resolver=address(ports.resolver),
        ports=ports,
        zone=drawing.dns.zone,
        holder=daemons.holder,
        nsd=pids[drawing.dns.nsd.name],
        unbound=pids[drawing.dns.unbound.name],
    )


def _host(premises: Premises, ports: Ports) -> MailHost:
    config = premises.directory / postfix.CONFIG
    return MailHost(
        name=HOST,
        addresses=(LOOPBACK,),
        endpoints=ports.endpoints,
        dovecot=MailServer(
            version=_said(program("dovecot"), "--version").partition(" ")[0],
            config=premises.directory / dovecot.CONFIG,
        ),
        postfix=MailServer(
            version=_said(program("postconf"), "-c", str(config), "-h", "mail_version"),
            config=config,
        ),
    )


def _said(*argv: str) -> str:
    return subprocess.run(
        argv, capture_output=True, check=True, timeout=10, stdin=subprocess.DEVNULL, text=True
    ).stdout.strip()


@contextmanager
def stop_signals() -> Iterator[int]:
    """A file descriptor that becomes readable when we are asked to stop."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    before = {
        number: signal.signal(number, lambda *_: os.write(writer, b"."))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield reader
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)
