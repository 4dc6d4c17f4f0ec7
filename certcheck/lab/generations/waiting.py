"""Waiting until everything in a lab of two generations answers, from within its network."""

import time
from collections.abc import Iterator, Sequence
from functools import partial

from certcheck.errors import Obstacle
from certcheck.lab import greeting, pebble, zone
from certcheck.lab.daemons import Daemon, Daemons
from certcheck.lab.generations.host import Host
from certcheck.lab.generations.plan import ENDPOINTS, PORTS
from certcheck.lab.greeting import Check
from certcheck.targets import endpoint

_PAUSE = 0.02


def wait(
    daemons: Daemons, ca: pebble.Ca, inside: Sequence[Daemon], hosts: Sequence[Host], seconds: float
) -> None:
    """Return when the CA, the DNS (both in `inside`) and every port of the hosts have answered.

    Raises Obstacle with the last words of what does not.
    """
    greeting.wait(_checks(ca, inside), daemons, seconds=seconds)
    deadline = time.monotonic() + seconds
    for host in hosts:
        for address in host.address.both:
            _greeted(host, address, deadline)


def _checks(ca: pebble.Ca, inside: Sequence[Daemon]) -> list[Check]:
    challtestsrv, acme, nsd, unbound = inside
    listens = partial(greeting.listens, PORTS.challenges)
    directory = partial(pebble.fetched, ca.directory, ca_file=ca.ca_file)
    roots = partial(pebble.fetched, f"{ca.management}/roots/0", ca_file=ca.ca_file)
    return [
        Check(daemon=challtestsrv, what="management", ask=listens),
        Check(daemon=acme, what="directory", ask=directory),
        Check(daemon=acme, what="roots", ask=roots),
        Check(daemon=nsd, what="zone", ask=partial(zone.served_serial, PORTS.nameserver)),
        Check(daemon=unbound, what="zone", ask=partial(zone.served_serial, PORTS.resolver)),
    ]


def _greeted(host: Host, address: str, deadline: float) -> None:
    for url in ENDPOINTS:
        while complaint := next(_complaint(url, address), ""):
            if time.monotonic() > deadline:
                raise Obstacle(
                    f"{host.name} does not answer ({url} at {address}): {complaint}",
                    hint=f"see {host.path('/var/log')}",
                )
            time.sleep(_PAUSE)


def _complaint(url: str, address: str) -> Iterator[str]:
    try:
        greeting.greet(endpoint(url), address)
    except OSError as e:
        yield str(e)
