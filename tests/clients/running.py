"""Runs a program at a server, in a home of its own, with the lab's names; all ends by itself."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from certcheck.lab.daemons import PATH
from tests.clients.programs import Done, Program, Visit
from tests.clients.servers import Site
from tests.clients.shapes import Shape

SECONDS = 60.0
_ENDED = 124  # as timeout(1) says it


def done(program: Program, site: Site, shape: Shape) -> Done:
    """What the program did at the server of this shape."""
    home = site.directory / "homes" / re.sub(r"\W+", "-", f"{program.name} {shape.id}")
    home.mkdir(parents=True)
    visit = Visit(
        host=shape.host,
        address=site.addresses[shape.id],
        imap=site.imap,
        imaps=site.imaps,
        submission=site.submission,
        root=site.root,
        home=home,
        log=site.log(shape),
    )
    if program.done:
        return program.done(visit)
    argv = program.argv(visit)
    env = {**_environment(site, home), **program.env}
    if program.shown:
        return _on_a_terminal(argv, env, re.compile(program.shown, re.DOTALL))
    return _alone(argv, env)


def _environment(site: Site, home: Path) -> Mapping[str, str]:
    # nss_wrapper reads the names from a file of ours in place of /etc/hosts.
    return {
        "PATH": PATH,
        "HOME": str(home),
        "FETCHMAILHOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "LD_PRELOAD": "libnss_wrapper.so",
        "NSS_WRAPPER_HOSTS": str(site.hosts),
    }


def _alone(argv: Sequence[str], env: Mapping[str, str]) -> Done:
    ended = subprocess.run(
        argv,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        check=False,
    )
    return Done(code=ended.returncode, said=ended.stdout.decode(errors="replace"))


def _on_a_terminal(argv: Sequence[str], env: Mapping[str, str], shown: re.Pattern[str]) -> Done:
    # Ended as soon as the screen shows what is waited for.
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        argv, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        said = ""
        deadline = time.monotonic() + SECONDS
        while not shown.search(said) and time.monotonic() < deadline:
            more = _read(ours) if select.select([ours], [], [], 0.1)[0] else ""
            if more is None:
                break
            said += more
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    os.close(ours)
    return Done(code=_ENDED, said=said)


def _read(terminal: int) -> str | None:
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except OSError:  # its last process has ended
        return None
