"""The whole zoo at once, each animal at an address of its own, and a command that looks at it."""

import contextlib
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import COMMAND
from tests.process_tree import memory
from tests.zoo.animals import Animal
from tests.zoo.keeper import kept
from tests.zoo.zoo import ZOO

_DESCRIPTORS = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The zoo while it is open: who lives at which address, and what to tell certcheck of it."""

    animals: Mapping[str, Animal]
    config: Path
    targets: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """How a command ended; `peak` is the most memory that its processes had, by process."""

    code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    peak: Mapping[str, int] = field(default_factory=dict)

    @property
    def memory(self) -> int:
        """The resident bytes of the whole process tree at its largest."""
        return sum(self.peak.values())


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Opened]:
    """Every animal of the zoo, listening until the block ends."""
    animals, tables, targets = {}, [], []
    with _descriptors(), contextlib.ExitStack() as cages:
        for number, animal in enumerate(ZOO):
            # An address each: one that says 421 is not asked any more, on no port.
            address = f"127.99.{number // 200}.{number % 200 + 1}"
            place = cages.enter_context(kept(animal.behaviour, address))
            host = f"z{number}.example.test"
            animals[address] = animal
            tables.append(f'[[host]]\nname = "{host}"\naddresses = ["{address}"]\n')
            targets.append(f"{animal.scheme}://{host}:{place.port}\n")
        (folder / "certcheck.toml").write_text("".join(tables))
        (folder / "targets").write_text("".join(targets))
        yield Opened(animals=animals, config=folder / "certcheck.toml", targets=folder / "targets")


def audit(zoo: Opened, *arguments: str, deadline: float) -> Audited:
    """One `certcheck audit` of the whole zoo; killed, with its children, at the deadline."""
    started = time.monotonic()
    command = subprocess.Popen(
        [*COMMAND, "audit", f"@{zoo.targets}", "-c", str(zoo.config), "--timeout=4", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    watch = _Watch(command.pid)
    try:
        stdout, stderr = command.communicate(timeout=deadline)
    finally:
        watch.end()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)
        command.wait()
    return Audited(
        code=command.returncode,
        stdout=stdout,
        stderr=stderr,
        seconds=time.monotonic() - started,
        peak=watch.peak,
    )


class _Watch:
    """Looks at the memory of a process and all that come from it, ten times a second."""

    def __init__(self, pid: int) -> None:
        self.peak: Mapping[str, int] = {}
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            now = {f"{_title(pid)} {pid}": size for pid, size in memory(self._pid).items()}
            if sum(now.values()) > sum(self.peak.values()):
                self.peak = now


def _title(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_text("utf-8", "backslashreplace")
    except OSError:  # it has ended
        return ""
    return " ".join(line.split("\0")[-3:-1])[-40:]


@contextlib.contextmanager
def _descriptors() -> Iterator[None]:
    # Three for each animal, and one for each visitor.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
