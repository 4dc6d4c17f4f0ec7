"""The DNS hook of this lab: `DIR present|cleanup NAME VALUE`, run in its client's network.

The record goes to the lab's name server, where certcheck waits for it, and to
pebble-challtestsrv, which Pebble believes.
"""

import fcntl
import json
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from certcheck.lab import resolver
from certcheck.lab.generations.plan import PORTS
from certcheck.lab.plan import address
from certcheck.lab.zone import Zone

PUBLISHED = "published"  # the record file of `Records.publish`; the others are the hook's


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What is in the zone beside what is always there: one file for each that has put it there."""

    folder: Path
    zone: Zone
    pids: tuple[int, int]

    def save(self) -> None:
        """Write down what the hook, another process, needs; the key for root only."""
        (self.folder / "records").mkdir()
        (self.folder / "zone.key").touch(mode=0o600)
        (self.folder / "zone.key").write_bytes(self.zone.key)
        state = {"file": str(self.zone.file), "records": self.zone.records, "pids": self.pids}
        (self.folder / "zone.json").write_text(json.dumps(state))

    def put(self, name: str, text: str) -> None:
        """Have the zone serve this text under that name instead of what it had; "" for nothing."""
        place = self.folder / "records" / name
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if text:
                place.write_text(text)
            else:
                place.unlink(missing_ok=True)
            files = sorted((self.folder / "records").iterdir())
            every = "\n".join(file.read_text() for file in files)
            resolver.publish(self.zone, PORTS, self.pids, every)


def loaded(folder: Path) -> Records:
    """What `save` has written."""
    state = json.loads((folder / "zone.json").read_text())
    key = (folder / "zone.key").read_bytes()
    zone = Zone(file=Path(state["file"]), key=key, records=state["records"])
    nsd, unbound = state["pids"]
    return Records(folder=folder, zone=zone, pids=(nsd, unbound))


def main(directory: str, word: str, name: str, value: str) -> None:
    """As the module says."""
    owner = f"{name}." if not name.endswith(".") else name
    present = word == "present"
    _tell("set-txt" if present else "clear-txt", owner, value)
    text = f'{owner} 0 IN TXT "{value}"\n' if present else ""
    loaded(Path(directory) / "dns").put(value, text)


def _tell(word: str, owner: str, value: str) -> None:
    body = json.dumps({"host": owner, "value": value}).encode()
    url = f"http://{address(PORTS.challenges)}/{word}"
    urllib.request.urlopen(url, data=body, timeout=5).close()


if __name__ == "__main__":
    main(*sys.argv[1:])
