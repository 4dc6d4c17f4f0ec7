"""A hoster's control host in the client's network of a lab: the commands, and what they say."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certcheck.lab.generations import Generations, Host
from certcheck.lab.generations.plan import HASHED_USERS
from certcheck.lab.plan import HOST, USERS
from tests.conftest import COMMAND, Ended
from tests.lab.asking import until

_VISITS = 12  # of a watch at three ports and two addresses, until it is under way
SOUND_HASHES = tuple(user for user in HASHED_USERS if user.scheme != "MD5-CRYPT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Where the hoster sits; `folder` is the control host's own."""

    lab: Generations
    folder: Path

    @property
    def roots(self) -> Path:
        """Both authorities: that of the old certificates and that of the new ones."""
        path = self.folder / "roots.pem"
        path.write_bytes(self.lab.old_root.read_bytes() + self.lab.acme_root.read_bytes())
        return path

    def accounts(self, *more: str) -> Path:
        """An accounts file: all users whose password any server takes, and these lines."""
        path = self.folder / f"accounts-{len(more)}"
        known = [(user.login, user.password) for user in USERS]
        known += [(user.login, user.password) for user in SOUND_HASHES]
        lines = [f"{login} {password}" for login, password in known]
        path.write_text("\n".join((*lines, *more)) + "\n")
        path.chmod(0o600)
        return path

    def run(self, command: str, *words: str | Path) -> Ended:
        """A command in the client's network, with the lab's certcheck.toml."""
        done = self.lab.client.run(self.argv(command, *words), timeout=110, cwd=self.folder)
        return Ended(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def argv(self, command: str, *words: str | Path) -> list[str]:
        """The same as words."""
        return [*COMMAND, command, *map(str, words), "-c", str(self.lab.config)]

    def at(self, host: Host) -> tuple[str, ...]:
        """The options that look at this host under the public name."""
        first, second = host.address.both
        return ("--connect-to", f"{HOST}::{first}", "--connect-to", f"{HOST}::[{second}]")

    def trusting(self) -> tuple[str | Path, ...]:
        """The options that trust both authorities."""
        return ("--ca-file", self.roots)

    @contextmanager
    def watching(self, file: Path) -> Iterator[None]:
        """`certcheck watch` on the service addresses, until the end of the block."""
        service = [
            *("--connect-to", f"{HOST}::10.77.0.10"),
            *("--connect-to", f"{HOST}::[fd00:77::10]"),
        ]
        earlier = _visits(self.lab.old)
        argv = self.argv("watch", "-o", file, "--interval", "0.2", "--quiet", *service)
        with subprocess.Popen(
            [*self.lab.client.enter, *argv],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                until(lambda: _visits(self.lab.old) > earlier + _VISITS, seconds=20)
                yield
            finally:
                process.terminate()
                assert process.wait(timeout=30) == 0


def _visits(host: Host) -> int:
    return host.log("postfix").count("disconnect from")


def told(done: Ended) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The changes by field and class."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in done.document["changes"]:
        found.setdefault((each["field"], each["class"]), []).append(each)
    return found


def schemes(changes: Sequence[dict[str, Any]]) -> set[str]:
    """Where they are, by scheme."""
    return {each["endpoint"].partition(":")[0] for each in changes}


def read(path: Path) -> dict[str, Any]:
    """A document from its file."""
    document: dict[str, Any] = json.loads(path.read_text())
    return document
