"""Unpacked systems of both releases, kept outside the checkout and made when they are missing."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from certcheck.errors import Obstacle
from certcheck.lab.generations import apt, finish
from certcheck.lab.generations.release import NEW, OLD, Release

# What no mail server reads.
_LEFT_OUT = (
    *("./lib/systemd", "./usr/lib/systemd/system", "./usr/share/bug", "./usr/share/doc"),
    *("./usr/share/dovecot/stopwords", "./usr/share/info", "./usr/share/lintian"),
    *("./usr/share/locale", "./usr/share/man", "./usr/share/zoneinfo"),
)
_PATIENCE = 300  # seconds to unpack one package


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """The roots of both systems; nobody writes into them."""

    old: Path
    new: Path


def ready() -> Trees:
    """Both trees, made at the same time where they are missing.

    Raises Obstacle for what cannot be fetched or unpacked; then there is no tree, and no half one.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        old, new = pool.map(tree, (OLD, NEW))
    return Trees(old=old, new=new)


def tree(release: Release) -> Path:
    """The tree of one release; two that want it at once make it once."""
    place = cache()
    place.mkdir(parents=True, exist_ok=True)
    wanted = place / f"tree-{release.suite}-{key(release)}"
    with _alone(place / f"tree-{release.suite}.lock"):
        if not wanted.exists():
            for left in place.glob(f"building-{release.suite}-*"):
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(
                prefix=f"building-{release.suite}-", dir=place
            ) as name:
                _built(release, Path(name)).rename(wanted)
    return wanted


def cache() -> Path:
    """Where trees are kept: $CERTCHECK_CACHE, else `certcheck` in the user's cache."""
    if own := os.environ.get("CERTCHECK_CACHE"):
        return Path(own).absolute()
    usual = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(usual, "certcheck").absolute()


def key(release: Release) -> str:
    """What a tree is made of, in 12 digits: another list or another way to finish, another tree."""
    hashed = hashlib.sha256(repr((release, _LEFT_OUT)).encode())
    for module in (finish, apt):
        hashed.update(Path(str(module.__file__)).read_bytes())
    return hashed.hexdigest()[:12]


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _built(release: Release, folder: Path) -> Path:
    packages = apt.fetched(release, folder)
    made = folder / "tree"
    made.mkdir()
    made.chmod(0o755)
    # In Debian 13 base-files brings /bin, /lib and /sbin, as links, and must come first.
    packages.sort(key=lambda package: not package.name.startswith("base-files_"))
    for package in packages:
        _unpack(package, made)
    finish.finish(made)
    return made


def _unpack(package: Path, made: Path) -> None:
    left_out = [f"--exclude={each}" for each in _LEFT_OUT]
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(package)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as data:
        done = subprocess.run(
            ["tar", "-x", "--keep-directory-symlink", "-C", str(made), *left_out],
            stdin=data.stdout,
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
            umask=0o022,
        )
    if done.returncode or data.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise Obstacle(f"{package.name} cannot be unpacked: {said}", hint="look at the disk")
