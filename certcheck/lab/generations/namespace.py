"""A namespace with a system in it: to run programs there, to look into it, to talk from within."""

import ctypes
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from certcheck.errors import Obstacle
from certcheck.lab.daemons import PATH, Daemon, Daemons
from certcheck.lab.premises import program

Thing = TypeVar("Thing")
Completed = subprocess.CompletedProcess[str]

_INIT = Path(__file__).with_name("init.py")
_NEWNET = 0x40000000  # setns(2)
_READY = 10.0  # seconds until a namespace is set up
_NOTHING: Mapping[str, str] = MappingProxyType({})

CLIENT = ("--net", "--mount", "--propagation", "slave")
HOST = (
    *("--net", "--mount", "--pid", "--uts", "--ipc"),
    *("--propagation", "private", "--fork", "--kill-child"),
)
_ENTERED = {CLIENT: ("-n", "-m"), HOST: ("-n", "-m", "-p", "-u", "-i", "-r", "-w")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A namespace by the pid of its first process, and the words that run a program in it."""

    name: str
    pid: int
    enter: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        stdin: str = "",
        timeout: float = 30,
        env: Mapping[str, str] = _NOTHING,
        cwd: Path | None = None,
    ) -> Completed:
        """A program that has ended, whatever its exit code; raises TimeoutExpired.

        What it says goes through files: a daemon that it leaves behind would keep a pipe open.
        """
        with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
            done = subprocess.run(
                [*self.enter, *map(str, argv)],
                check=False,
                input=stdin,
                stdout=said,
                stderr=complained,
                text=True,
                timeout=timeout,
                cwd=cwd,
                env={**(self.env or os.environ), **env},
            )
            for file in (said, complained):
                file.seek(0)
            return Completed(done.args, done.returncode, said.read(), complained.read())

    def ip(self, *lines: str) -> None:
        """What `ip -batch` does with these lines, in this network; raises Obstacle."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-n", "--", "ip", "-batch", "-"],
            input="\n".join(lines) + "\n",
            capture_output=True,
            check=False,
            text=True,
            timeout=10,
        )
        if done.returncode:
            raise Obstacle(
                f"the network of {self.name} cannot be set up: {done.stderr.strip()}",
                hint="the lab needs bridges, veth pairs and IPv6 in the kernel",
            )

    def call(self, function: Callable[[], Thing]) -> Thing:
        """What `function` returns when it is called in this network, in a thread of its own.

        A socket that it opens stays in this network, also for other threads.
        """
        result: Future[Thing] = Future()

        def within() -> None:
            try:
                self.join()
                result.set_result(function())
            except BaseException as e:  # noqa: BLE001 - it is raised again, in the caller's thread
                result.set_exception(e)

        thread = threading.Thread(target=within)
        thread.start()
        thread.join()
        return result.result()

    def join(self) -> None:
        """Go on in this network: the thread that calls, and those that it starts from now on."""
        # The network belongs to a thread, not to the process: the others stay where they are.
        with Path(f"/proc/{self.pid}/ns/net").open() as place:
            if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), _NEWNET):
                raise OSError(ctypes.get_errno(), f"cannot enter the network of {self.name}")


def start(
    daemons: Daemons, name: str, *arguments: str, kind: tuple[str, ...], run: Path, log: Path
) -> Namespace:
    """A new namespace below the daemons' holder; `arguments` are those of init.py, after NAME."""
    run.mkdir(exist_ok=True)
    file = run / f"{name}.pid"
    daemon = Daemon(
        name=name,
        argv=(
            # Whatever ends the holder, kill -9 included, ends this too.
            *(program("setpriv"), "--pdeathsig", "KILL", program("unshare"), *kind, "--"),
            *(sys.executable, "-I", "-S", str(_INIT), str(file), name, *arguments),
        ),
        output=log,
    )
    daemons.start(daemon)
    deadline = time.monotonic() + _READY
    while not file.exists():
        daemons.check()
        if time.monotonic() > deadline:
            raise Obstacle(
                f"namespace {name} is not set up: {daemon.last_words}", hint=f"see {log}"
            )
        time.sleep(0.002)
    pid = int(file.read_text())
    enter = ("nsenter", "-t", str(pid), *_ENTERED[kind], "--")
    env = {"PATH": PATH, "LC_ALL": "C"} if kind == HOST else _NOTHING
    return Namespace(name=name, pid=pid, enter=enter, env=env)
