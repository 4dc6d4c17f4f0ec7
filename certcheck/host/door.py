"""The seam between an installation and the machine that it changes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A program that ended: exit code and what it printed, errors apart."""

    code: int
    stdout: str
    stderr: str

    @property
    def complaint(self) -> str:
        """What the program said of its failure: the last lines, on one line."""
        lines = [line.strip() for line in (self.stderr or self.stdout).splitlines() if line.strip()]
        return " / ".join(lines[-3:]) or f"exit code {self.code}, and no word why"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """A file as it was at one moment; `path` is the real file behind all links.

    `barred` says why it could not be replaced, as far as that can be seen; else it is empty.
    """

    path: Path
    data: bytes = field(repr=False)
    sha256: str
    uid: int
    gid: int
    mode: int
    attributes: tuple[tuple[str, bytes], ...] = ()
    barred: str = ""


class Host(Protocol):
    """A machine that serves mail. Everything that an installation does to it goes through here."""

    @property
    def privileged(self) -> bool:
        """Whether commands run as root there."""
        ...

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float = 30.0,
        grace: float = 0.0,
    ) -> Completed:
        """Run a program; `timeout` in seconds. Raises Obstacle: not found, or hangs.

        `stdin` is where a secret goes. A program that is stopped, at its timeout or by a signal to
        us, has `grace` seconds from SIGTERM to SIGKILL to tidy up; so have its children.
        """
        ...

    def read(self, path: Path) -> FileState:
        """The file behind `path`, links followed. Raises Obstacle: not there, too large."""
        ...

    def replace(self, path: Path, data: bytes, *, expecting: str | None, like: FileState) -> None:
        """Swap the file's content in one step, with the owner, mode and attributes of `like`.

        `expecting` is the SHA-256 of what stands there now, None when nothing must.
        Raises Obstacle when something else stands there or it cannot write.
        """
        ...

    def tidy(self, path: Path) -> None:
        """Remove what a killed `replace` of this file may have left beside it."""
        ...
