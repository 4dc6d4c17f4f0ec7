"""The DNS of the lab: NSD serves a signed zone, and Unbound validates it for certcheck."""

from dataclasses import dataclass

from certcheck.lab.daemons import Daemon
from certcheck.lab.plan import DOMAIN, Ports
from certcheck.lab.ports import LOOPBACK
from certcheck.lab.premises import Premises, program
from certcheck.lab.zone import Zone, new_zone, sign, trust_anchor

_NSD = """\
server:
  ip-address: {listen}@{ports.nameserver}
  server-count: 1
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
remote-control:
  control-enable: no
stub-zone:
  name: "{domain}"
  stub-addr: {listen}@{ports.nameserver}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """The zone, and the two daemons that answer for it."""

    zone: Zone
    nsd: Daemon
    unbound: Daemon


def prepare(premises: Premises, ports: Ports) -> Dns:
    """Sign the zone, write both configurations, and say how to start them."""
    zone = new_zone(premises.write(f"dns/{DOMAIN}.zone", ""))
    premises.write("dns/trust-anchor", trust_anchor(zone))
    sign(zone)
    values = {"listen": LOOPBACK, "ports": ports, "domain": DOMAIN, "directory": premises.directory}
    nsd = premises.write("dns/nsd.conf", _NSD.format(**values))
    unbound = premises.write("dns/unbound.conf", _UNBOUND.format(**values))
    return Dns(
        zone=zone,
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
