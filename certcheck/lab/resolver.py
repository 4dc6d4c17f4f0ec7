"""The DNS of the lab: NSD serves a signed zone, and Unbound validates it for certcheck."""

import os
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from certcheck.errors import Obstacle
from certcheck.lab import zone
from certcheck.lab.daemons import Daemon
from certcheck.lab.plan import DOMAIN, Ports
from certcheck.lab.ports import LOOPBACK
from certcheck.lab.premises import Premises, program
from certcheck.lab.zone import USUAL, Zone, new_zone, sign, trust_anchor

_NSD = """\
server:
  ip-address: {listen}@{ports.nameserver}
{also}  server-count: 1
  username: ""
  zonesdir: "{directory}/dns"
  database: ""
  pidfile: "{directory}/dns/nsd.pid"
  xfrdfile: "{directory}/dns/xfrd.state"
  zonelistfile: "{directory}/dns/zone.list"
  xfrdir: "{directory}/dns"
remote-control:
  control-enable: no
zone:
  name: {domain}
  zonefile: {domain}.zone
"""

# Everything but the lab's zone is answered here with NXDOMAIN: no query leaves the machine.
_UNBOUND = """\
server:
  interface: {listen}
  port: {ports.resolver}
  do-ip6: no
  num-threads: 1
  username: ""
  chroot: ""
  directory: "{directory}/dns"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor-file: "{directory}/dns/trust-anchor"
  local-zone: "." static
  local-zone: "{domain}." transparent
{reverse}remote-control:
  control-enable: no
stub-zone:
  name: "{domain}"
  stub-addr: {listen}@{ports.nameserver}
"""


_PUBLISHED = 10  # tries of a second each until a new zone is served


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """The zone, and the two daemons that answer for it."""

    zone: Zone
    nsd: Daemon
    unbound: Daemon


def prepare(
    premises: Premises,
    ports: Ports,
    *,
    records: str = USUAL,
    authority: str = "",
    reverse: Iterable[tuple[str, str]] = (),
) -> Dns:
    """Sign the zone, write both configurations, and say how to start them.

    `authority` is an address at which NSD listens on port 53, too; `reverse` are addresses and
    their names.
    """
    own = new_zone(premises.write(f"dns/{DOMAIN}.zone", ""), records)
    premises.write("dns/trust-anchor", trust_anchor(own))
    sign(own)
    values = {
        "listen": LOOPBACK,
        "ports": ports,
        "domain": DOMAIN,
        "directory": premises.directory,
        "also": f"  ip-address: {authority}@53\n" if authority else "",
        "reverse": "".join(f'  local-data-ptr: "{ip} {name}"\n' for ip, name in reverse),
    }
    nsd = premises.write("dns/nsd.conf", _NSD.format(**values))
    unbound = premises.write("dns/unbound.conf", _UNBOUND.format(**values))
    return Dns(
        zone=own,
        nsd=Daemon(
            name="nsd",
            argv=(program("nsd"), "-d", "-c", str(nsd)),
            output=premises.logs / "nsd.log",
        ),
        unbound=Daemon(
            name="unbound",
            argv=(program("unbound"), "-d", "-p", "-c", str(unbound)),
            output=premises.logs / "unbound.log",
        ),
    )


def publish(
    own: Zone, ports: Ports, pids: tuple[int, int], records: str, unsigned: Sequence[str] = ()
) -> None:
    """Sign the zone with further records, and wait until NSD and Unbound, by their pids, have it.

    Raises Obstacle when they do not take it.
    """
    serial = sign(own, records, unsigned=unsigned)
    # Unbound empties its cache on SIGHUP, of proofs that a name does not exist too.
    for pid, port in zip(pids, (ports.nameserver, ports.resolver), strict=True):
        if not any(_took(pid, port, serial) for _ in range(_PUBLISHED)):
            raise Obstacle(
                "the lab's DNS does not take the new zone",
                hint="see log/nsd.log and log/unbound.log of the lab",
            )


def _took(pid: int, port: int, serial: int) -> bool:
    # A daemon that is still busy with its last SIGHUP may miss one: it is sent every second.
    os.kill(pid, signal.SIGHUP)
    deadline = time.monotonic() + 1
    while not (served := zone.is_served(port, serial)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return served
