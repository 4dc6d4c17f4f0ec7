"""The machine that certcheck itself runs on."""

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from certcheck.errors import Obstacle
from certcheck.host.door import Completed, FileState
from certcheck.host.program import run

_MAX_FILE = 4 * 1024 * 1024
# linux/fs.h: FS_IOC_GETFLAGS on a machine of 64 bits, FS_IMMUTABLE_FL, FS_APPEND_FL.
_GET_FLAGS, _IMMUTABLE, _APPEND_ONLY = 0x80086601, 0x10, 0x20
_MAX_LINKS = 400  # steps of one path; the kernel itself follows 40 links (path_resolution(7))


class LocalHost:
    """The Host protocol on this machine, or in a container or namespace of it.

    `enter` is what a program's name follows to run in there, `root` is where its files are seen
    from here, such as /proc/PID/root; paths are those of in there.
    """

    def __init__(self, *, enter: Sequence[str] = (), root: Path | None = None) -> None:
        """Without both it is this machine itself."""
        self._enter = tuple(enter)
        self._root = root

    @property
    def privileged(self) -> bool:
        """Whether this process is root."""
        return os.geteuid() == 0

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 30.0,
        grace: float = 0.0,
    ) -> Completed:
        """As the protocol says."""
        return run([*self._enter, *argv], stdin=stdin, timeout=timeout, grace=grace)

    def read(self, path: Path) -> FileState:
        """As the protocol says; at most 4 MiB."""
        try:
            inside = self._resolved(path)
            real = self._seen(inside)
            with real.open("rb") as stream:
                data = stream.read(_MAX_FILE + 1)
                facts = os.fstat(stream.fileno())
            attributes = tuple((n, os.getxattr(real, n)) for n in sorted(os.listxattr(real)))
        except (OSError, RuntimeError, ValueError) as e:  # RuntimeError: a loop of links
            raise Obstacle(f"cannot read {path}: {_reason(e)}", hint="look at the file") from e
        if len(data) > _MAX_FILE:
            raise Obstacle(f"{path} is larger than 4 MiB", hint="this is no certificate")
        return FileState(
            path=inside,
            data=data,
            sha256=hashlib.sha256(data).hexdigest(),
            uid=facts.st_uid,
            gid=facts.st_gid,
            mode=facts.st_mode & 0o7777,
            attributes=attributes,
            barred=next(_bars(real), ""),
        )

    def replace(self, path: Path, data: bytes, *, expecting: str | None, like: FileState) -> None:
        """As the protocol says: temporary file beside it, fsync, rename, fsync of the directory."""
        try:
            inside = self._resolved(path)
            real = self._seen(inside)
            there = self.read(inside).sha256 if real.exists() else None
            if there != expecting:
                raise Obstacle(
                    f"{inside} has changed since it was looked at",
                    hint="another program writes it too; run again when that one is done",
                )
            _swap(real, data, like)
        except (OSError, RuntimeError) as e:
            raise Obstacle(
                f"cannot write {path}: {_reason(e)}", hint="look at the directory and the disk"
            ) from e

    def tidy(self, path: Path) -> None:
        """As the protocol says."""
        with contextlib.suppress(OSError, RuntimeError):
            _temporary(self._seen(self._resolved(path))).unlink(missing_ok=True)

    def _resolved(self, path: Path) -> Path:
        return path.resolve() if self._root is None else _followed(path, self._root)

    def _seen(self, inside: Path) -> Path:
        return inside if self._root is None else self._root / inside.relative_to("/")


def _followed(path: Path, root: Path) -> Path:
    """The path with all links followed as in a system whose root directory `root` is.

    Path.resolve would follow an absolute link, and /proc/PID/root itself, out of there.
    """
    left, done = list(reversed(path.parts[1:])), Path("/")
    for _ in range(_MAX_LINKS):
        if not left:
            return done
        part = left.pop()
        if part == "..":
            done = done.parent
            continue
        there = root / (done / part).relative_to("/")
        if there.is_symlink():
            target = there.readlink()
            done = Path("/") if target.is_absolute() else done
            left += reversed([each for each in target.parts if each != "/"])
        else:
            done /= part
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def sync_directory(directory: Path) -> None:
    """Make a rename in `directory` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bars(real: Path) -> Iterator[str]:
    folder = real.parent
    for each in (real, folder):
        if _attribute_flags(each) & (_IMMUTABLE | _APPEND_ONLY):
            yield f"{each} is immutable (see chattr)"
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        yield f"{folder} is on a file system that is mounted read-only"
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield f"this user may not write in {folder}"
    for each in real.parents:
        mode = each.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            yield f"everybody can write in {each}, and so swap the file"


def _attribute_flags(path: Path) -> int:
    # ioctl_iflags(2); file systems without such flags refuse the question.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        answer = fcntl.ioctl(descriptor, _GET_FLAGS, b"\0" * 8)
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    return int.from_bytes(answer[:4], sys.byteorder)


def _temporary(real: Path) -> Path:
    # One name for all runs, so that a later one finds what a killed one left: it holds a key.
    return real.with_name(f".{real.name}.certcheck")


def _swap(real: Path, data: bytes, like: FileState) -> None:
    temporary = _temporary(real)
    temporary.unlink(missing_ok=True)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchown(stream.fileno(), like.uid, like.gid)
            for name, value in like.attributes:
                os.setxattr(stream.fileno(), name, value)
            os.fchmod(stream.fileno(), like.mode)
            os.fsync(stream.fileno())
        temporary.rename(real)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(real.parent)


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
