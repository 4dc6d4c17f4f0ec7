"""A child process on a leash: a deadline, a limit of memory and of output, and a sure end."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_MAX_OUTPUT = 8 * 1024 * 1024
# sslyze takes 62 MB. With two children and 70 MB of our own, all stays below 250 MB.
_MAX_MEMORY = 90 * 1024 * 1024
_WATCH = 0.1


class LeashError(Exception):
    """The child gave no result; the text says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leash:
    """The limits of a child: seconds of wall clock, bytes of resident memory."""

    deadline: float
    memory: int = _MAX_MEMORY


async def output(
    argv: Sequence[str], *, stdin: bytes, environment: Mapping[str, str], leash: Leash
) -> bytes:
    """What the child writes to stdout until it ends with success; raises LeashError.

    The child leads a process group of its own, which is killed in any case.
    """
    child = await _started(argv, environment)
    watch = asyncio.ensure_future(_grown(child.pid, leash.memory))
    talk = asyncio.ensure_future(_talked(child, stdin))
    try:
        await asyncio.wait(
            (watch, talk), timeout=leash.deadline, return_when=asyncio.FIRST_COMPLETED
        )
        if talk.done():
            return _good(talk.result(), child.returncode)
        raise LeashError(_why_ended(leash, grown=watch.done()))
    finally:
        _kill(child.pid)
        watch.cancel()
        await asyncio.gather(watch, talk, return_exceptions=True)
        await child.wait()


async def _started(
    argv: Sequence[str], environment: Mapping[str, str]
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except OSError as e:  # no process, no memory, no descriptor left
        raise LeashError(f"it cannot be started: {e.strerror or e}") from e


async def _talked(child: asyncio.subprocess.Process, stdin: bytes) -> tuple[bytes, bytes]:
    assert child.stdin and child.stdout and child.stderr  # noqa: S101, PT018 - all are pipes
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(stdin)
        await child.stdin.drain()
        child.stdin.close()
    out, err = await asyncio.gather(_read(child.stdout, child.pid), _read(child.stderr, child.pid))
    await child.wait()
    return out, err


async def _read(stream: asyncio.StreamReader, pid: int) -> bytes:
    # Read on to the end in any case: asyncio does not see a child end before its pipes are empty.
    data = bytearray()
    while chunk := await stream.read(64 * 1024):
        if len(data) <= _MAX_OUTPUT:
            data += chunk
        else:
            _kill(pid)
    return bytes(data)


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _good(written: tuple[bytes, bytes], code: int | None) -> bytes:
    out, err = written
    if max(len(out), len(err)) > _MAX_OUTPUT:
        raise LeashError("it wrote more than it should")
    if code == 0:
        return out
    if code is not None and code < 0:
        raise LeashError(f"it was ended by {signal.Signals(-code).name}")
    last = err.decode("ascii", "backslashreplace").strip().rpartition("\n")[2]
    raise LeashError(f"it ended with an error: {last[:200]}")


def _why_ended(leash: Leash, *, grown: bool) -> str:
    if grown:
        return f"it grew beyond {leash.memory // 1024**2} MB"
    return f"it was not done after {round(leash.deadline, 2):g} s"


async def _grown(pid: int, limit: int) -> None:
    # Returns when the child is larger than `limit`; never for a child that is gone.
    while resident(pid) <= limit:  # noqa: ASYNC110 - the kernel has no event for it
        await asyncio.sleep(_WATCH)


def resident(pid: int) -> int:
    """How many bytes of memory a process has; 0 for one that is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])  # proc(5)
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
