"""The starter's end of the holder: daemons are values, and the holder makes processes of them."""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from certcheck.errors import Obstacle

# No more than this comes from the starter's environment into a daemon.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_SCRIPT = Path(__file__).with_name("holder.py")
_ANSWER = 10.0  # seconds for an answer of the holder
_END = 10.0  # seconds for the holder to end everything
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A program to run in the foreground; the last line of `logs` tells why it failed."""

    name: str
    argv: tuple[str, ...]
    output: Path
    log: Path | None = None
    env: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    @property
    def last_words(self) -> str:
        """The end of its log, on one line, for an error message."""
        lines = [line for path in (self.output, self.log) if path for line in _lines(path)]
        return " | ".join(lines[-5:]) or "it logged nothing"


class Daemons:
    """What runs below one holder. Not for more than one thread."""

    def __init__(self, holder: subprocess.Popen[bytes]) -> None:
        self._holder = holder
        self._unread = b""
        self._running: dict[str, Daemon] = {}
        self._died: list[Daemon] = []
        self._ended = False

    @property
    def holder(self) -> int:
        """The pid of the holder."""
        return self._holder.pid

    def fileno(self) -> int:
        """For a selector: readable when the holder says something."""
        assert self._holder.stdout is not None  # noqa: S101 - it is a pipe, see `held`
        return self._holder.stdout.fileno()

    def start(self, daemon: Daemon) -> int:
        """The pid of the started daemon; raises Obstacle when it cannot even be started."""
        self._running[daemon.name] = daemon
        request = {
            "start": daemon.name,
            "argv": daemon.argv,
            "env": {"PATH": PATH, "LANG": "C.UTF-8", **daemon.env},
            "log": str(daemon.output),
        }
        answer = self._ask(request)
        if "refused" in answer:
            raise Obstacle(f"{daemon.name} cannot be started: {answer['why']}")
        return int(answer["pid"])

    def remove_at_end(self, path: Path) -> None:
        """Have the holder remove a file before it stops the daemons, or a directory after that."""
        self._ask({"remove": str(path)})

    def check(self) -> None:
        """Raise Obstacle when a daemon, or the holder itself, has died."""
        while self._readable(0):
            self._receive()
        if self._died:
            daemon = self._died[0]
            raise Obstacle(
                f"{daemon.name} of the lab died: {daemon.last_words}",
                hint=f"see {daemon.log or daemon.output}",
            )
        if self._ended:
            raise Obstacle("the holder of the lab's daemons is gone", hint="start the lab again")

    def watch(self, *, until: int) -> None:
        """Return when the descriptor `until` is readable; raises as `check` does meanwhile."""
        with selectors.DefaultSelector() as selector:
            selector.register(until, selectors.EVENT_READ)
            selector.register(self, selectors.EVENT_READ)
            ready: set[object] = set()
            while until not in ready:
                # First: the news of a death may have come along with an answer.
                self.check()
                ready = {key.fileobj for key, _ in selector.select()}

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._holder.stdin is not None  # noqa: S101 - it is a pipe, see `held`
        try:
            self._holder.stdin.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            self._ended = True
        deadline = time.monotonic() + _ANSWER
        while not self._ended and self._readable(deadline - time.monotonic()):
            for message in self._receive():
                return message
        raise Obstacle("the holder of the lab's daemons does not answer", hint="see holder.log")

    def _receive(self) -> list[dict[str, Any]]:
        chunk = os.read(self.fileno(), 65536)
        self._ended = self._ended or not chunk
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        messages: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self._died += [self._running[each["died"]] for each in messages if "died" in each]
        return [each for each in messages if "died" not in each]

    def _readable(self, seconds: float) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            return not self._ended and bool(selector.select(max(seconds, 0)))


@contextmanager
def held(log: Path) -> Iterator[Daemons]:
    """A holder for daemons; at the end, or when we are killed, all of them are gone.

    It lives in a session of its own, so that Ctrl-C in the terminal does not reach it.
    """
    with log.open("ab") as output:
        holder = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_SCRIPT)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            cwd="/",
            env={"PATH": PATH},
        )
    with holder:
        try:
            yield Daemons(holder)
        finally:
            _end(holder)


def _end(holder: subprocess.Popen[bytes]) -> None:
    holder.terminate()
    try:
        holder.wait(_END)
    except subprocess.TimeoutExpired as e:
        holder.kill()
        raise Obstacle(
            "the lab's daemons do not end", hint="look for dovecot, master, pebble, nsd and unbound"
        ) from e


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]
