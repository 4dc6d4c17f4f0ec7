"""One run of a command, measured: time, processor time, memory and connections."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.proxy import Count, Proxy
from tests.process_tree import memory

ROOT = Path(__file__).parent.parent.parent
_EVERY = 0.01
_SNMP = Path("/proc/self/net/snmp")  # of our network namespace alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a command saw, to be compared: suites by version, or leaves by address.

    `profiles` is how many clients it played; `connections` what it says itself, if it does.
    """

    suites: Mapping[str, frozenset[str]] = field(default_factory=dict)
    leaves: frozenset[tuple[str, str]] = frozenset()
    profiles: int = 0
    connections: int | None = None
    doubts: int = 0


def by_version(found: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """The suites of each version that has any."""
    return {version: suites for version, names in found.items() if (suites := frozenset(names))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where a command wrote: its stdout, and the file that stood for {out} in its words."""

    code: int
    stdout: str
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A command line, and how to read what it saw; `read` raises what it stumbles over.

    `is_python` says that an interpreter starts; `limit` is in seconds, `most` caps the runs.
    """

    name: str
    argv: tuple[str, ...]
    read: Callable[[Output], Seen]
    is_python: bool = False
    limit: float = 90.0
    most: int = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run: seconds, bytes, connections; without `seen` it did not work, and `trouble` says so.

    `memory` is the largest sum over the process and its children at one moment.
    """

    wall: float
    cpu: float
    memory: int
    connections: int
    at_once: int | None
    seen: Seen | None
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a process ended; `code` is negative for a signal."""

    code: int
    wall: float
    cpu: float
    memory: int


def sampled(job: Job, place: Path, proxy: Proxy, far: str | None) -> Sample:
    """One run of the job; `far` is the proxy's address that it goes through, if any."""
    stdout, stderr, file = (place / name for name in ("stdout", "stderr", "result"))
    file.unlink(missing_ok=True)
    proxy.taken()
    before = _opened()
    argv = [word.replace("{out}", str(file)) for word in job.argv]
    ran = run(argv, stdout=stdout, stderr=stderr, limit=job.limit)
    count = proxy.taken().get(far or "")
    seen, trouble = _read(job, ran, Output(code=ran.code, stdout=_text(stdout), file=file))
    return Sample(
        wall=ran.wall,
        cpu=ran.cpu,
        memory=ran.memory,
        connections=_connections(count, seen, _opened() - before),
        at_once=count.at_once if count else None,
        seen=seen,
        trouble=trouble,
    )


def _connections(count: Count | None, seen: Seen | None, opened: int) -> int:
    if count:
        return count.connections
    # The kernel counts those to a bridge of our own, too.
    return opened if seen is None or seen.connections is None else seen.connections


def _read(job: Job, ran: Ran, output: Output) -> tuple[Seen | None, str]:
    if ran.code == -signal.SIGKILL:
        return None, f"ended after {job.limit:g} s"
    try:
        return job.read(output), ""
    except (ValueError, LookupError, TypeError, SyntaxError, OSError) as e:
        return None, f"no result (exit {ran.code}, {type(e).__name__})"


def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")


def run(argv: Sequence[str], *, stdout: Path, stderr: Path, limit: float) -> Ran:
    """A command in a session of its own, from its start to its end; after `limit` it is killed.

    Times come from wait4(2): they are exact, and count all children that were waited for.
    """
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    start = time.monotonic()
    pid = os.posix_spawnp(
        argv[0],
        list(argv),
        environment(),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(stdout), write, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, str(stderr), write, 0o600),
        ],
        setsid=True,
    )
    with _watched(pid, limit) as peak:
        _, status, usage = os.wait4(pid, 0)
        wall = time.monotonic() - start
    return Ran(
        code=os.waitstatus_to_exitcode(status),
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        memory=peak[0],  # not ru_maxrss, which begins with our own size
    )


def environment() -> dict[str, str]:
    """What the commands run with: our tree, and bytecode that is kept as an installation has it."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**own, "PYTHONPATH": str(ROOT)}


@contextmanager
def _watched(pid: int, limit: float) -> Iterator[list[int]]:
    """The largest memory so far of a process with its children, which are killed at the limit."""
    peak = [0]
    ended = threading.Event()

    def watch() -> None:
        deadline = time.monotonic() + limit
        while not ended.wait(_EVERY):
            peak[0] = max(peak[0], sum(memory(pid).values()))
            if time.monotonic() > deadline:
                os.killpg(pid, signal.SIGKILL)
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def _opened() -> int:
    names, values = (line.split() for line in _SNMP.read_text().splitlines() if "Tcp:" in line)
    return int(dict(zip(names, values, strict=True))["ActiveOpens"])
