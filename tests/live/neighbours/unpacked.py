"""Mail servers whose packages are unpacked, not installed, each in a mount namespace of its own.

There the packages are at PACKAGES, the server's own folder is at OWN, and its user exists: the
server itself, and whom it becomes, need no way through the directories of root and of pytest.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from certcheck.errors import Obstacle
from certcheck.lab import greeting, pki
from certcheck.lab.daemons import Daemon, held
from certcheck.model.endpoint import Endpoint, Scheme
from certcheck.targets import endpoint

PACKAGES, OWN = "/media/packages", "/media/own"

_UNPACKED = Path(__file__).parents[3] / ".venv" / "unpacked"
_USERS = {"Debian-exim": 64901, "courier": 64902, "cyrus": 64903}
_ENTER = """
mount --bind "$2/passwd" /etc/passwd
mount --bind "$2/group" /etc/group
mount -t tmpfs -o mode=755 certcheck /media
mkdir /media/packages /media/own
mount --bind "$1" /media/packages
mount --bind "$2" /media/own
shift 2
exec "$@"
"""
_UP = 20.0  # seconds until every port answers
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A server that answers, and the certificates that it was given."""

    endpoints: tuple[Endpoint, ...]
    identities: tuple[pki.Identity, ...]

    def at(self, scheme: Scheme) -> Endpoint:
        """Its endpoint of this scheme."""
        return next(each for each in self.endpoints if each.scheme == scheme)


def furnished(folder: Path, identities: Sequence[pki.Identity], *, user: str = "") -> None:
    """Put certificates into the folder: `chain-0.pem`, `key-0.pem`, `both-0.pem`, ...

    The folder and what is in it belong to `user`, or else to root.
    """
    if not (_UNPACKED / "unpacked.txt").exists():
        raise Obstacle(f"there is no {_UNPACKED}", hint="run `make unpacked`")
    for number, identity in enumerate(identities):
        (folder / f"chain-{number}.pem").write_bytes(identity.chain)
        (folder / f"key-{number}.pem").write_bytes(identity.key)
        (folder / f"both-{number}.pem").write_bytes(identity.key_first)
    for path in (folder, *folder.iterdir()):
        os.chown(path, _USERS.get(user, 0), _USERS.get(user, 0))
    passwd = "".join(f"{name}:x:{id_}:{id_}::/:/bin/false\n" for name, id_ in _USERS.items())
    group = "".join(f"{name}:x:{id_}:\n" for name, id_ in _USERS.items())
    (folder / "passwd").write_text(Path("/etc/passwd").read_text() + passwd)
    (folder / "group").write_text(Path("/etc/group").read_text() + group)


def program(
    folder: Path, name: str, *argv: str, env: Mapping[str, str] = _NOTHING, log: str = ""
) -> Daemon:
    """A program of the packages to run in the foreground, `argv[0]` below PACKAGES."""
    triplet = next((_UNPACKED / "usr" / "lib").glob("*-linux-gnu")).name
    tree = ("usr/lib", f"usr/lib/{triplet}", f"lib/{triplet}")
    return Daemon(
        name=name,
        argv=(
            *("/usr/bin/unshare", "--mount", "--propagation", "private"),
            *("/bin/sh", "-ec", _ENTER, "sh", str(_UNPACKED), str(folder)),
            f"{PACKAGES}/{argv[0]}",
            *argv[1:],
        ),
        output=folder / f"{name}.output",
        log=folder / log if log else None,
        env={
            "LD_LIBRARY_PATH": ":".join(f"{PACKAGES}/{each}" for each in tree),
            "SASL_PATH": f"{PACKAGES}/usr/lib/{triplet}/sasl2",
            **env,
        },
    )


def served(name: str, ports: Mapping[Scheme, int]) -> tuple[Endpoint, ...]:
    """These services of `name` on loopback."""
    return tuple(endpoint(f"{scheme}://{name}:{port}") for scheme, port in ports.items())


@contextmanager
def running(folder: Path, daemons: Mapping[Scheme, Daemon], server: MailServer) -> Iterator[None]:
    """The daemons, until the end; each service of the server is greeted by the one for it."""
    with held(folder / "holder.log") as holder:
        for daemon in {each.name: each for each in daemons.values()}.values():
            holder.start(daemon)
        checks = [
            greeting.Check(
                daemon=daemons[each.scheme], what=each.url, ask=partial(greeting.greet, each)
            )
            for each in server.endpoints
        ]
        greeting.wait(checks, holder, seconds=_UP)
        yield
