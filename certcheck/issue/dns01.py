"""The dns-01 solver: a program of the admin's puts TXT records into DNS, and takes them out."""

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from certcheck.dns import Resolver
from certcheck.errors import InputError, Obstacle
from certcheck.host.door import Host
from certcheck.issue.answer import one_line
from certcheck.issue.propagation import USUAL, Patience, Record, await_everywhere
from certcheck.issue.solver import Challenge, ChallengeSolver
from certcheck.names import hostname

Say = Callable[[str], None]

_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 8555 8.4: a SHA-256 in base64url, nothing else
_HOOK_SECONDS = 60.0
_LOOK = "run it by hand: CMD present _acme-challenge.NAME VALUE, CMD cleanup the same"


class Hook:
    """Runs `CMD present NAME VALUE`, and `CMD cleanup NAME VALUE` on every way out.

    `command` is split as a shell would, and run without one, on `host`, 60 s at most. Raises
    InputError for a command that is none.
    """

    kind = "dns-01"

    def __init__(
        self,
        command: str,
        *,
        host: Host,
        resolver: Resolver,
        say: Say,
        patience: Patience = USUAL,
    ) -> None:
        self._argv = _words(command)
        self._host = host
        self._resolver = resolver
        self._say = say
        self._patience = patience
        self._records: list[Record] = []

    @property
    def place(self) -> str:
        """The command, such that it can be run in another directory."""
        program, *words = self._argv
        found = str(Path(program).absolute()) if "/" in program else program
        return shlex.join((found, *words))

    @contextmanager
    def presented(self, challenge: Challenge) -> Iterator[None]:
        """A context in which the record is where the program puts it.

        What cannot be taken out is a warning: the authority has decided by then.
        """
        record = _record(challenge)
        self._records.append(record)
        try:
            self._run("present", record)
            yield
        finally:
            self._records.remove(record)
            self._clean_up(record)

    def ready(self) -> None:
        """As the protocol says: when every authoritative server has every record."""
        await_everywhere(
            self._records, resolver=self._resolver, say=self._say, patience=self._patience
        )

    def take_down(self, challenge: Challenge) -> None:
        """Have the program take the record out, if it is there."""
        self._run("cleanup", _record(challenge))

    def _clean_up(self, record: Record) -> None:
        try:
            self._run("cleanup", record)
        except Obstacle as e:
            self._say(f"warning: {record[0]} may still have its TXT record: {e.message}")

    def _run(self, what: str, record: Record) -> None:
        try:
            ended = self._host.run([*self._argv, what, *record], timeout=_HOOK_SECONDS)
        except Obstacle as e:
            raise Obstacle(f"DNS hook: {e.message}", hint=_LOOK) from e
        if ended.code:
            raise Obstacle(
                f"DNS hook, {what} {record[0]}: exit code {ended.code}, "
                f"it says {one_line(ended.complaint)!r}",
                hint=_LOOK,
            )


def solver(place: str, host: Host) -> ChallengeSolver:
    """The solver that called its place so, as far as taking down goes; raises InputError."""
    return Hook(place, host=host, resolver=Resolver(), say=_unheard)


def _unheard(_: str) -> None:
    """Taking down asks no name server, so there is nothing to tell."""


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as e:
        raise InputError(f"the DNS hook {command!r} has {str(e).lower()}", hint=_LOOK) from e
    if not words:
        raise InputError("the DNS hook is empty", hint=_LOOK)
    return words


def _record(challenge: Challenge) -> Record:
    # Both come from outside, and go into the arguments of a program.
    name, value = hostname(challenge.name), challenge.key_authorization
    if name.is_ip or not _VALUE.fullmatch(value):
        raise Obstacle(
            f"{name.ascii} cannot be proved by dns-01", hint="ask for names that DNS holds"
        )
    return f"_acme-challenge.{name.ascii}", value
