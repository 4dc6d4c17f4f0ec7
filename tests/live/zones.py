"""A primary and a late secondary for one zone, and the program that changes it, as a DNS hook.

`python -m tests.live.zones FOLDER present|cleanup NAME VALUE` changes the primary, and the
secondary too once `FOLDER release` has let it follow. `FOLDER show ADDRESS NAME` prints the TXT
records that a server has.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype

from certcheck.dns import NameServer, texts

ZONE = "example.test"
PRIMARY, SECONDARY, RESOLVER = "127.0.0.2", "127.0.0.3", "127.0.0.1"

_NSD = """\
server:
  ip-address: {address}
  server-count: 1
  username: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
remote-control:
  control-enable: no
zone:
  name: {zone}
  zonefile: zone
"""

_UNBOUND = """\
server:
  interface: {address}
  do-ip6: no
  num-threads: 1
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "." static
  local-zone: "{zone}." transparent
remote-control:
  control-enable: no
stub-zone:
  name: "{zone}"
  stub-addr: {primary}
"""


def prepare(folder: Path, *, servers: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Write everything, and say how to start each server; `servers` are those in NS records."""
    names = {address: f"ns{address[-1]}" for address in servers}
    lines = [f"@ NS {name}\n{name} A {address}\n" for address, name in names.items()]
    (folder / "records").mkdir()
    (folder / "apex").write_text("".join(lines))
    commands: dict[str, tuple[str, ...]] = {}
    for address in (PRIMARY, SECONDARY):
        place = folder / address
        place.mkdir()
        (place / "zone").write_text(_zone(folder, 1))
        config = place / "nsd.conf"
        config.write_text(_NSD.format(address=address, folder=place, zone=ZONE))
        commands[address] = ("nsd", "-d", "-c", str(config))
    config = folder / "unbound.conf"
    values = {"address": RESOLVER, "folder": folder, "zone": ZONE, "primary": PRIMARY}
    config.write_text(_UNBOUND.format(**values))
    commands[RESOLVER] = ("unbound", "-d", "-p", "-c", str(config))
    return commands


def _zone(folder: Path, serial: int) -> str:
    records = "".join(path.read_text() for path in sorted((folder / "records").iterdir()))
    soa = f"@ SOA ns2 hostmaster {serial} 3600 600 86400 0\n"
    return f"$ORIGIN {ZONE}.\n$TTL 0\n{soa}{(folder / 'apex').read_text()}{records}"


def _load(folder: Path, address: str) -> None:
    """Have a server read the zone as it is now, and wait until it has."""
    serial = time.time_ns() // 1_000_000 % 2**31
    zone = folder / address / "zone"
    zone.with_suffix(".new").write_text(_zone(folder, serial))
    shutil.move(zone.with_suffix(".new"), zone)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        os.kill(int((folder / address / "nsd.pid").read_text()), signal.SIGHUP)
        again = time.monotonic() + 1  # one that comes while it is busy may be missed
        while time.monotonic() < again:
            if _serial(address) == serial:
                return
    sys.exit(f"{address} does not take the zone")


def _serial(address: str) -> int | None:
    question = dns.message.make_query(f"{ZONE}.", "SOA")
    answer = dns.query.udp(question, address, timeout=5)
    found = [each for each in answer.answer if each.rdtype == dns.rdatatype.SOA]
    return int(found[0][0].serial) if found else None


def main(folder: Path, what: str, *arguments: str) -> None:
    """As the module says."""
    if what == "show":
        address, name = arguments
        answer = texts(name, NameServer("", address))
        if answer.status == "failed":
            sys.exit(answer.detail)
        sys.stdout.write(" ".join(answer.records))
        return
    if what == "release":
        (folder / "released").touch()
        _load(folder, SECONDARY)
        return
    name, value = arguments
    record = folder / "records" / value
    if what == "present":
        record.write_text(f'{name}. 0 IN TXT "{value}"\n')
    else:
        record.unlink(missing_ok=True)
    _load(folder, PRIMARY)
    if (folder / "released").exists():
        _load(folder, SECONDARY)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
