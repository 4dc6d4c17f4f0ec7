"""Where a lab lives and what it needs: its directory, its run-time place, programs and rights."""

import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from certcheck.errors import InputError, Obstacle
from certcheck.lab.daemons import PATH

DOVECOT_PROGRAMS = Path("/usr/lib/dovecot")

# Program or file -> Debian package.
_NEEDED = {
    "dovecot": "dovecot-core",
    str(DOVECOT_PROGRAMS / "imap-login"): "dovecot-imapd",
    str(DOVECOT_PROGRAMS / "pop3-login"): "dovecot-pop3d",
    str(DOVECOT_PROGRAMS / "managesieve-login"): "dovecot-managesieved",
    str(DOVECOT_PROGRAMS / "lmtp"): "dovecot-lmtpd",
    str(DOVECOT_PROGRAMS / "modules/lib90_sieve_plugin.so"): "dovecot-sieve",
    "postfix": "postfix",
    "pebble": "pebble",
    "pebble-challtestsrv": "pebble",
    "nsd": "nsd",
    "unbound": "unbound",
    "openssl": "openssl",
}
# Postfix splits its values at blanks and expands `$`, Dovecot expands `%` and ends lines at `#`.
_PLAIN = re.compile(r"[A-Za-z0-9/._+@~-]+")
# A Unix socket's path has 108 bytes (unix(7)); Dovecot's own names below base_dir take up to 40.
_LONGEST = 60
_RUNTIME_PARENT = Path("/run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """`directory` is what the caller gave; `runtime` is where servers without root rights work.

    Dovecot's sockets and mail and Postfix's queue lie in `runtime`.
    """

    directory: Path
    runtime: Path

    @property
    def outside(self) -> bool:
        """Whether `runtime` lies outside the directory, and must go at the end."""
        return not self.runtime.is_relative_to(self.directory)

    @property
    def logs(self) -> Path:
        """Where every daemon writes its log."""
        return self.directory / "log"

    def write(self, name: str, content: str | bytes, *, mode: int = 0o644) -> Path:
        """A new file below `directory`, with this mode whatever the umask is."""
        path = self.directory / name
        folder(path.parent)
        data = content.encode() if isinstance(content, str) else content
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
        return path


def prepared(directory: Path, needed: Mapping[str, str] | None = None) -> Premises:
    """An empty lab directory, made when it is missing; `runtime` is chosen, but not made.

    `needed` is what other programs this lab runs, with their Debian packages.

    It lies inside the directory where the servers' own users can get there, and below /run
    otherwise: pytest's directories are 0700, and a socket's path is short. Raises InputError for an
    unusable directory, Obstacle for missing programs or rights.
    """
    refuse_without_means(needed)
    directory = directory.absolute()
    if not _PLAIN.fullmatch(str(directory)):
        raise InputError(
            f"lab directory {str(directory)!r} has characters that the servers read as syntax",
            hint="use letters, digits and . _ + @ ~ - only",
        )
    _make_empty(directory)
    inside = _reachable(directory) and len(str(directory)) < _LONGEST
    short = _RUNTIME_PARENT / f"certcheck-lab-{secrets.token_hex(4)}"
    return Premises(directory=directory, runtime=directory / "run" if inside else short)


def folder(path: Path, *, mode: int = 0o755, owner: str | None = None) -> Path:
    """The directory `path`, made with its missing parents; `owner` is a user's name."""
    for missing in reversed([each for each in (path, *path.parents) if not each.exists()]):
        missing.mkdir()
        missing.chmod(0o755)
    path.chmod(mode)
    if owner:
        shutil.chown(path, owner)
    return path


def refuse_without_means(needed: Mapping[str, str] | None = None) -> None:
    """Raise Obstacle when the lab cannot run here: not root, or a program is missing."""
    wanted = _NEEDED if needed is None else needed
    missing = sorted({package for name, package in wanted.items() if not program(name)})
    if missing:
        raise Obstacle(
            f"the lab needs programs that are not installed: {', '.join(missing)}",
            hint=f"apt-get install --no-install-recommends {' '.join(missing)}",
        )
    if os.geteuid() != 0:
        raise Obstacle("the lab needs root rights, because its servers do", hint="run it as root")


def program(name: str) -> str:
    """The full path of a program (or file), empty when there is none."""
    if "/" in name:
        return name if Path(name).exists() else ""
    return shutil.which(name, path=PATH) or ""


def _make_empty(directory: Path) -> None:
    try:
        folder(directory)
        occupied = any(directory.iterdir())
    except OSError as e:
        raise InputError(f"lab directory {directory} cannot be used: {e.strerror}") from e
    if occupied:
        raise InputError(
            f"lab directory {directory} is not empty", hint="give an empty or a new directory"
        )


def _reachable(directory: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in directory.resolve().parents)
