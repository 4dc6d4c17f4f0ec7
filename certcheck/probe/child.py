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
# Between two questions: above that, or after so many, it has kept too much.
_MAX_IDLE = 70 * 1024 * 1024
_MOST_ASKED = 50
_WATCH = 0.1
_TOO_MUCH = "it wrote more than it should"


class LeashError(Exception):
    """The child gave no result; the text says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leash:
    """The limits of a child: seconds of wall clock, bytes of resident memory."""

    deadline: float
    memory: int = _MAX_MEMORY


class Child:
    """A child process that answers one line with one line, as often as it is asked.

    It leads a process group of its own, which is killed with it. Once it gave no answer it is gone.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin and process.stdout and process.stderr  # noqa: S101, PT018 - are pipes
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._errors = asyncio.ensure_future(_read(process.stderr, process.pid))
        self._asked = 0

    @classmethod
    async def started(cls, argv: Sequence[str], environment: Mapping[str, str]) -> "Child":
        """One that runs `argv`; raises LeashError."""
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                limit=_MAX_OUTPUT,
                start_new_session=True,
            )
        except OSError as e:  # no process, no memory, no descriptor left
            raise LeashError(f"it cannot be started: {e.strerror or e}") from e
        return cls(process)

    @property
    def is_fit(self) -> bool:
        """Whether it may be asked again: alive, small, and not used too often."""
        alive = self._process.returncode is None
        return alive and self._asked < _MOST_ASKED and resident(self._process.pid) < _MAX_IDLE

    async def answer(self, question: bytes, leash: Leash) -> bytes:
        """Its answer to a question without a line feed; raises LeashError."""
        self._asked += 1
        watch = asyncio.ensure_future(_grown(self._process.pid, leash.memory))
        talk = asyncio.ensure_future(self._talked(question))
        answered = False
        try:
            await asyncio.wait(
                (watch, talk), timeout=leash.deadline, return_when=asyncio.FIRST_COMPLETED
            )
            answer = _result(talk, leash, grown=watch.done())
            answered = True
            return answer
        finally:
            watch.cancel()
            talk.cancel()
            await asyncio.gather(watch, talk, return_exceptions=True)
            if not answered:
                await self.end()

    async def end(self) -> None:
        """Kill it, if it is still there."""
        _kill(self._process.pid)
        await asyncio.gather(self._errors, _read(self._stdout, self._process.pid))
        await self._process.wait()

    async def _talked(self, question: bytes) -> bytes:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._stdin.write(question + b"\n")
            await self._stdin.drain()
        try:
            line = await self._stdout.readline()
        except ValueError as e:  # no end within the limit
            raise LeashError(_TOO_MUCH) from e
        if line.endswith(b"\n"):
            return line
        said = await self._errors
        raise LeashError(_why_gone(said, await self._process.wait()))


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


def _result(talk: asyncio.Future[bytes], leash: Leash, *, grown: bool) -> bytes:
    if talk.done():
        return talk.result()
    raise LeashError(_why_ended(leash, grown=grown))


def _why_gone(said: bytes, code: int) -> str:
    if len(said) > _MAX_OUTPUT:
        return _TOO_MUCH
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    last = said.decode("ascii", "backslashreplace").strip().rpartition("\n")[2]
    return f"it ended with an error: {last[:200]}" if last else "it ended without an answer"


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
