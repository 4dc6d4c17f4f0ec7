"""A program: how it is told where to go, and how one reads what it did."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from certcheck.lab.plan import USERS
from certcheck.model.prediction import Result

Server = Literal["dovecot", "postfix"]
LOGIN, PASSWORD = USERS[0].login, USERS[0].password


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where one program goes; `home` is a directory of its own, `root` the CA that it trusts.

    `log` is what Dovecot says.
    """

    host: str
    address: str
    imap: int
    imaps: int
    submission: int
    root: Path
    home: Path
    log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a program ended, and all that it said."""

    code: int
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A real program; `client` is the profile that stands for it.

    `read` raises ValueError for what it cannot explain: then the program did not even try.
    `shown` is what an interactive program has to show before it is ended; one that has `done` is
    run by that.
    """

    client: str
    name: str
    server: Server
    read: Callable[[Done], Result]
    argv: Callable[[Visit], Sequence[str]] = lambda _visit: ()
    env: Mapping[str, str] = field(default_factory=dict)
    shown: str = ""
    done: Callable[[Visit], Done] | None = None


def by_code(success: int, *refusals: int, saying: str = "") -> Callable[[Done], Result]:
    """Reads an exit code: a refusal is one of `refusals` that says so, others are no answer."""

    def read(done: Done) -> Result:
        if done.code == success:
            return "connects"
        if done.code in refusals and re.search(saying, done.said):
            return "locked_out"
        raise ValueError(f"exit code {done.code}: {done.said[-500:]}")

    return read


def shown(results: Mapping[str, str]) -> Callable[[Done], Result]:
    """Reads what is on the screen: the first pattern that is found."""

    def read(done: Done) -> Result:
        for pattern, result in results.items():
            if re.search(pattern, done.said, re.DOTALL):
                return result  # type: ignore[return-value]
        raise ValueError(done.said[-500:])

    return read


def written(visit: Visit, name: str, text: str) -> str:
    """The path of a new file in the program's home, with the visit filled in."""
    path = visit.home / name
    path.write_text(text.format(visit=visit, login=LOGIN, password=PASSWORD))
    path.chmod(0o600)
    return str(path)
