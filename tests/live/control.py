"""A control host of one's own: a store, a web root, and a certcheck.toml for a Pebble."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Certcheck, Ended
from tests.live.pebbles import Ca

NAMES = ("mail.example.test", "imap.example.test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control host; its web root is published by whoever wants it to be."""

    folder: Path
    webroot: Path
    ca: Ca
    certcheck: Certcheck

    @property
    def config(self) -> Path:
        return self.folder / "certcheck.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def run(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Ended:
        """A command with this host's configuration, and a JSON document for its result."""
        return self.certcheck(*arguments, "-c", self.config, "--json", env=env)


def control(
    folder: Path,
    ca: Ca,
    certcheck: Certcheck,
    *,
    key: str = "ecdsa",
    webroot: Path | None = None,
) -> Control:
    """A new control host in `folder`, which shares its web root with others if one is given."""
    root = webroot or folder / "www"
    for each in (folder, root):
        each.mkdir(parents=True, exist_ok=True)
    host = Control(folder=folder, webroot=root, ca=ca, certcheck=certcheck)
    names = ", ".join(f'"{name}"' for name in NAMES)
    host.config.write_text(
        f'[site]\nstate = "state"\n'
        f'[acme]\ndirectory = "{ca.authority.directory}"\nca_file = "{ca.authority.ca_file}"\n'
        f'[[bundle]]\nname = "mail"\nnames = [{names}]\nkey = "{key}"\nwebroot = "{root}"\n'
    )
    return host
