"""The machine that certcheck itself runs on."""

import contextlib
import fcntl
import hashlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from certcheck.errors import Obstacle
from certcheck.host.door import Completed, FileState

_MAX_FILE = 4 * 1024 * 1024
_MAX_OUTPUT = 4 * 1024 * 1024
# linux/fs.h: FS_IOC_GETFLAGS on a machine of 64 bits, FS_IMMUTABLE_FL, FS_APPEND_FL.
_GET_FLAGS, _IMMUTABLE, _APPEND_ONLY = 0x80086601, 0x10, 0x20
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"  # where doveadm and postfix live, also without `su -`


class LocalHost:
    """The Host protocol on this machine."""

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
        """As the protocol says; the program gets a terminal as stderr.

        postfix(1) speaks on stderr only to a terminal, else to its log.
        """
        path = os.environ.get("PATH") or "/usr/bin:/bin"  # an empty entry would mean `.`
        environment = {**os.environ, "PATH": f"{path}:{_SBIN}"}
        with _memory(stdin) as given, tempfile.TemporaryFile() as stdout, _terminal() as pty:
            slave, said = pty

            def start() -> subprocess.Popen[bytes]:
                return subprocess.Popen(
                    argv,
                    stdin=given,
                    stdout=stdout,
                    stderr=slave,
                    env=environment,
                    start_new_session=True,
                    umask=0o022,  # the tools of a mail server go on from there themselves
                )

            code = _ended(start, argv, timeout, grace)
            stdout.seek(0)
            printed = stdout.read(_MAX_OUTPUT).decode(errors="backslashreplace")
        return Completed(code=code, stdout=printed, stderr=said())

    def read(self, path: Path) -> FileState:
        """As the protocol says; at most 4 MiB."""
        try:
            real = path.resolve(strict=True)
            with real.open("rb") as stream:
                data = stream.read(_MAX_FILE + 1)
                facts = os.fstat(stream.fileno())
            attributes = tuple((n, os.getxattr(real, n)) for n in sorted(os.listxattr(real)))
        except (OSError, RuntimeError, ValueError) as e:  # RuntimeError: a loop of links
            raise Obstacle(f"cannot read {path}: {_reason(e)}", hint="look at the file") from e
        if len(data) > _MAX_FILE:
            raise Obstacle(f"{path} is larger than 4 MiB", hint="this is no certificate")
        return FileState(
            path=real,
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
            real = path.resolve()
            there = self.read(real).sha256 if real.exists() else None
            if there != expecting:
                raise Obstacle(
                    f"{real} has changed since it was looked at",
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
            _temporary(path.resolve()).unlink(missing_ok=True)


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


@contextlib.contextmanager
def _deferred() -> Iterator[list[int]]:
    """The signals that come while a program is started, before it is known and can be killed."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in _ENDING}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(
    start: Callable[[], subprocess.Popen[bytes]],
    argv: Sequence[str],
    timeout: float,
    grace: float,
) -> int:
    process: subprocess.Popen[bytes] | None = None
    try:
        with _deferred() as signals:
            process = start()
        for number in signals:
            signal.raise_signal(number)
        return process.wait(timeout)
    except subprocess.TimeoutExpired as e:
        _stop(process, grace)
        raise Obstacle(
            f"{' '.join(argv)} did not end within {timeout:g} s and was stopped",
            hint="run it by hand to see why",
        ) from e
    except (OSError, ValueError) as e:  # ValueError: a null byte in a path
        _stop(process, 0)
        raise Obstacle(
            f"cannot run {argv[0]}: {_reason(e)}", hint="is the mail server installed here?"
        ) from e
    except BaseException:
        _stop(process, grace)  # a signal: what comes next must not race with this program
        raise


def _stop(process: subprocess.Popen[bytes] | None, grace: float) -> None:
    if process is None:
        return
    try:
        if grace:
            _signal(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(grace)
    finally:  # also at a second Ctrl-C, which wants no grace
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # To its whole group; that is there as long as one process of it is, reaped or not.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@contextlib.contextmanager
def _memory(data: bytes) -> Iterator[BinaryIO]:
    """A file that was never on a disk, from its beginning; a program can open /dev/stdin again."""
    with os.fdopen(os.memfd_create("stdin"), "w+b") as file:
        file.write(data)
        file.seek(0)
        yield file


@contextlib.contextmanager
def _terminal() -> Iterator[tuple[int, "_Said"]]:
    try:
        master, slave = os.openpty()
    except OSError as e:
        raise Obstacle(
            f"there is no terminal left to run programs at: {e.strerror}", hint="see pts(4)"
        ) from e
    said = _Said(master)
    try:
        yield slave, said
    finally:
        os.close(slave)
        said.close()


class _Said:
    """What was written to a terminal, read by a thread so that the writer never blocks."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._data = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __call__(self) -> str:
        return self._data.decode(errors="backslashreplace").replace("\r\n", "\n")

    def close(self) -> None:
        # A daemon that the program started may keep the terminal open: do not wait for it.
        self._thread.join(timeout=1.0)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # EIO: the last writer has closed it
            while block := os.read(self._master, 4096):
                if len(self._data) < _MAX_OUTPUT:
                    self._data += block
        os.close(self._master)
