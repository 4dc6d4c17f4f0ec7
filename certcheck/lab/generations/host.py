"""One running mail host: its files, its programs, its two servers."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from certcheck.errors import Obstacle
from certcheck.lab.generations import postfix
from certcheck.lab.generations.mail import File, Mail
from certcheck.lab.generations.namespace import Completed, Namespace
from certcheck.lab.generations.plan import BRIDGE, DEVICE, ENDPOINTS, Address

Server = Literal["dovecot", "postfix"]

DOVECOT_CONFIG = Path("/etc/dovecot/dovecot.conf")
POSTFIX_CONFIG = Path("/etc/postfix")

# Postfix first: Dovecot's sockets lie in a directory that it makes.
SERVERS: tuple[Server, ...] = ("postfix", "dovecot")
_START: dict[Server, tuple[str, ...]] = {
    "postfix": ("postfix", "start"),
    "dovecot": ("dovecot",),
}
_STOP: dict[Server, tuple[str, ...]] = {
    "postfix": ("postfix", "stop"),
    "dovecot": ("doveadm", "stop"),
}
_RELOAD: dict[Server, tuple[str, ...]] = {
    "postfix": ("postfix", "reload"),
    "dovecot": ("doveadm", "reload"),
}
# While main.cf is younger than a second Postfix waits, in case somebody is still writing it.
_AGE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A mail host by its name, its own addresses, and the namespace that it is."""

    name: str
    address: Address
    namespace: Namespace

    @property
    def pid(self) -> int:
        """Its first process, as the machine counts."""
        return self.namespace.pid

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The URLs of its services, at the name that customers use."""
        return ENDPOINTS

    @property
    def root(self) -> Path:
        """Its file system, seen from the machine."""
        return Path(f"/proc/{self.pid}/root")

    @property
    def enter(self) -> tuple[str, ...]:
        """The words that run a program on it."""
        return self.namespace.enter

    def run(self, argv: Sequence[str], *, stdin: str = "", timeout: float = 30) -> Completed:
        """A program on this host that has ended, whatever its exit code."""
        return self.namespace.run(argv, stdin=stdin, timeout=timeout)

    def path(self, path: str | Path) -> Path:
        """Where a file of this host lies for the machine."""
        return self.root / str(path).lstrip("/")

    def read(self, path: str | Path) -> bytes:
        """The content of a file of this host."""
        return self.path(path).read_bytes()

    def write(self, file: File) -> None:
        """Put a file in its place, whole, and a minute old."""
        place = self.path(file.path)
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f"{place.name}.new")
        fresh.write_bytes(file.content)
        fresh.chmod(file.mode)
        os.chown(fresh, file.uid, file.gid)
        past = time.time() - _AGE
        os.utime(fresh, (past, past))
        fresh.replace(place)

    def configure(self, mail: Mail) -> None:
        """Write everything that the servers read; they are told nothing."""
        for file in mail.all_files:
            self.write(file)
        self.run(["postmap", "-F", postfix.SNI_TABLE])

    def start(self, servers: Iterable[Server] = SERVERS) -> None:
        """Start servers; raises Obstacle with the words of one that refuses."""
        for server in servers:
            self._do(_START[server], server)

    def stop(self, server: Server) -> None:
        """Stop a server; raises Obstacle when it refuses."""
        self._do(_STOP[server], server)

    def reload(self, server: Server) -> None:
        """Have a server read its files anew; raises Obstacle when it refuses."""
        self._do(_RELOAD[server], server)

    def restart(self, server: Server) -> None:
        """Stop a server and start it again; raises Obstacle when it refuses."""
        self.stop(server)
        self.start((server,))

    def log(self, server: Server) -> str:
        """What the server has logged; nothing where there is no log yet."""
        place = self.path("/var/log/mail.log" if server == "postfix" else "/var/log/dovecot.log")
        return place.read_text(errors="replace") if place.exists() else ""

    def version(self, server: Server) -> str:
        """The version by the server's own word."""
        if server == "dovecot":
            return self.run(["dovecot", "--version"]).stdout.partition(" ")[0].strip()
        return self.run(["postconf", "-h", "mail_version"]).stdout.strip()

    def wire(self, client: Namespace, number: int) -> None:
        """Plug it into the client's network, with its own addresses."""
        cable = f"host{number}"
        client.ip(
            f"link add {cable} type veth peer name {DEVICE} netns {self.pid}",
            f"link set {cable} master {BRIDGE} up",
        )
        self.namespace.ip(
            f"link set {DEVICE} up",
            f"addr add {self.address.ipv4}/24 dev {DEVICE}",
            f"addr add {self.address.ipv6}/64 dev {DEVICE} nodad",
        )

    def _do(self, argv: Sequence[str], server: Server) -> None:
        done = self.run(argv, timeout=60)
        if done.returncode:
            said = " ".join((done.stdout + done.stderr).split()) or self.log(server)[-500:]
            raise Obstacle(
                f"{' '.join(argv)} on {self.name}: exit code {done.returncode}, {said}",
                hint=f"see {self.path('/var/log')}",
            )
