"""The process that every daemon of a lab descends from, so that none outlives the starter.

A script of its own, without anything but the standard library: `python -I -S holder.py`. It reads
requests as JSON lines on stdin and writes one answer each, and news of deaths, on stdout::

    {"start": NAME, "argv": [...], "env": {...}, "log": PATH}  ->  {"started": NAME, "pid": N}
                                                               or  {"refused": NAME, "why": "..."}
    {"remove": PATH}  (a file goes first, a directory last)    ->  {"noted": PATH}
                                                    at any time    {"died": NAME, "status": N}

When stdin ends, when the starter is gone (`kill -9` included) or on SIGTERM, it stops everything.
"""

import ctypes
import json
import os
import selectors
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36  # prctl(2): whoever loses its parent below us becomes our child
POLITE = 2.5  # seconds between SIGTERM and SIGKILL
LAST = 8.0  # seconds until even a process that the kernel does not let go is left behind
_STDIN, _STDOUT, _CHUNK = 0, 1, 65536


class Holder:
    """Starts daemons, reaps whatever dies below it, and stops all of it at the end."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.to_remove: list[Path] = []
        self.ended = False
        self._unread = b""

    def hear(self) -> None:
        """Answer the requests that have come in; the end of stdin is the end of the lab."""
        chunk = os.read(_STDIN, _CHUNK)
        self.ended = self.ended or not chunk
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        for line in lines:
            say(self.answer(json.loads(line)))

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what one request asks."""
        if "remove" in request:
            self.to_remove.append(Path(request["remove"]))
            return {"noted": request["remove"]}
        name = request["start"]
        try:
            pid = spawn(request["argv"], request["env"], request["log"])
        except OSError as e:
            return {"refused": name, "why": str(e)}
        self.names[pid] = name
        return {"started": name, "pid": pid}

    def reap(self) -> None:
        """Collect the dead, orphans of the daemons too, and report those that were started here."""
        for pid, status in _dead():
            name = self.names.pop(pid, None)
            if name is not None:
                say({"died": name, "status": os.waitstatus_to_exitcode(status)})

    def stop(self) -> None:
        """Remove the files, end every descendant, then remove the directories."""
        for path in self.to_remove:
            if not path.is_dir():
                path.unlink(missing_ok=True)
        started = time.monotonic()
        asked: set[int] = set()
        # Until none is left, again and again: between two looks a dying server may have forked.
        while (left := self._left()) and (passed := time.monotonic() - started) < LAST:
            if passed > POLITE:
                _signal(left, signal.SIGKILL)
            else:
                _signal(left - asked, signal.SIGTERM)
            asked |= left
            time.sleep(0.02)
        for path in self.to_remove:
            shutil.rmtree(path, ignore_errors=True)

    def _left(self) -> set[int]:
        self.reap()
        return set(descendants(os.getpid()))


def spawn(argv: list[str], env: dict[str, str], log: str) -> int:
    """The pid of a new process in its own session that holds no pipe of ours."""
    actions = (
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    )
    # Python ignores SIGPIPE and SIGXFSZ, and an ignored signal stays ignored across exec.
    usual = (signal.SIGPIPE, signal.SIGXFSZ)
    return os.posix_spawn(
        argv[0], argv, env, file_actions=actions, setsid=True, setsigmask=(), setsigdef=usual
    )


def descendants(ancestor: int) -> tuple[int, ...]:
    """The pids of all processes below `ancestor`, those that wait to be reaped included."""
    children: dict[int, list[int]] = {}
    for pid, parent in _processes():
        children.setdefault(parent, []).append(pid)
    found = [ancestor]
    for pid in found:
        found.extend(children.get(pid, ()))
    return tuple(found[1:])


def say(message: dict[str, Any]) -> None:
    """Write one line to the starter, if it is still there to read it."""
    try:
        os.write(_STDOUT, json.dumps(message).encode() + b"\n")
    except BrokenPipeError:
        return


def main() -> None:
    """Hold until the starter ends, is killed, or asks for the end."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.umask(0o022)
    holder = Holder()
    with selectors.DefaultSelector() as selector:
        wakeup = _signals(holder)
        selector.register(wakeup, selectors.EVENT_READ)
        selector.register(_STDIN, selectors.EVENT_READ)
        # Stdin stays open while anyone holds its other end, such as a forked child of the starter.
        starter = os.pidfd_open(os.getppid())
        selector.register(starter, selectors.EVENT_READ)
        while not holder.ended:
            ready = {key.fd for key, _ in selector.select()}
            if wakeup in ready:
                os.read(wakeup, _CHUNK)
            if _STDIN in ready:
                holder.hear()
            if starter in ready:
                holder.ended = True
            holder.reap()
    holder.stop()


def _signals(holder: Holder) -> int:
    def end(*_: object) -> None:
        holder.ended = True

    def wake(*_: object) -> None:
        """A handler, because an ignored signal would stay ignored in the daemons."""

    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, end)
    for each in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, wake)
    return reader


def _dead() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, status


def _processes() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # proc(5): the name stands in parentheses and may hold any character.
            yield int(entry.name), int(stat.rpartition(")")[2].split()[1])


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
    sys.exit(0)
