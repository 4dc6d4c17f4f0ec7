"""What the packages' own scripts would have done to an unpacked tree, as far as it is needed."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from certcheck.errors import Obstacle

# Name of user and group -> its number and the user's home.
USERS: Mapping[str, tuple[int, str]] = {
    "postfix": (801, "/var/spool/postfix"),
    "dovecot": (803, "/usr/lib/dovecot"),
    "dovenull": (804, "/nonexistent"),
    "vmail": (805, "/var/vmail"),
}
GROUPS: Mapping[str, int] = {"postdrop": 802}

_FOLDERS = (
    *("dev", "proc", "run", "sys", "tmp", "root"),
    *("etc/dovecot", "etc/postfix", "etc/tls", "var/log", "var/vmail"),
    *("var/lib/dovecot", "var/lib/postfix", "var/spool/postfix"),
)
_LINKS = {"bin/sh": "dash", "usr/bin/awk": "mawk", "var/run": "/run"}
_FILES = {
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}


def finish(tree: Path) -> None:
    """Make of unpacked packages a system whose mail servers can run."""
    for name in _FOLDERS:
        _folder(tree / name)
    for name, target in _LINKS.items():
        if not os.path.lexists(tree / name):
            (tree / name).symlink_to(target)
    for name, text in _FILES.items():
        _write(tree / name, text)
    _accounts(tree)
    shutil.copy(tree / "usr/share/postfix/dynamicmaps.cf", tree / "etc/postfix")
    _rights(tree)
    done = subprocess.run(
        ["chroot", str(tree), "/sbin/ldconfig"],
        capture_output=True,
        check=False,
        timeout=60,
        umask=0o022,
    )
    if done.returncode:
        raise Obstacle(f"ldconfig in {tree}: {done.stderr.decode(errors='replace').strip()}")


def _accounts(tree: Path) -> None:
    masters = tree / "usr/share/base-passwd"
    users = [
        f"{name}:x:{number}:{number}::{home}:/usr/sbin/nologin\n"
        for name, (number, home) in USERS.items()
    ]
    numbers = {**{name: number for name, (number, _) in USERS.items()}, **GROUPS}
    groups = [f"{name}:x:{number}:\n" for name, number in numbers.items()]
    for file, more in (("passwd", users), ("group", groups)):
        usual = (masters / f"{file}.master").read_text()
        _write(tree / "etc" / file, usual + "".join(more))


# Servers read these as their own users, whatever umask the program has that makes the tree.
def _folder(path: Path) -> None:
    if not path.is_dir():
        _folder(path.parent)
        path.mkdir()
        path.chmod(0o755)


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)


def _rights(tree: Path) -> None:
    os.chown(tree / "var/lib/postfix", USERS["postfix"][0], 0)
    os.chown(tree / "var/vmail", USERS["vmail"][0], USERS["vmail"][0])
    (tree / "tmp").chmod(0o1777)
    for name in ("postdrop", "postqueue"):
        program = tree / "usr/sbin" / name
        os.chown(program, 0, GROUPS["postdrop"])
        program.chmod(0o2755)
