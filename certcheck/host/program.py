"""Running a program: a deadline, a terminal for its errors, and a sure end for its children."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from certcheck.errors import Obstacle
from certcheck.host.door import Completed

_MAX_OUTPUT = 4 * 1024 * 1024
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"  # where doveadm and postfix live, also without `su -`


def run(argv: Sequence[str], *, stdin: bytes, timeout: float, grace: float) -> Completed:
    """The program as it ended, all as `Host.run` says; it gets a terminal as stderr.

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
