"""The file of a run that goes on for hours: written again and again, and always whole."""

from __future__ import annotations

import io
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from certcheck.cli import wiring
from certcheck.cli.options import Format, Output
from certcheck.errors import InputError
from certcheck.store import private

if TYPE_CHECKING:
    from certcheck.model.run import Run


@dataclass(slots=True, kw_only=True)
class Lasting:
    """Where the run is kept, in which form; trouble on the way is told once, not ever again."""

    path: Path
    mode: int
    output: Output
    _complained: bool = field(default=False)

    def keep(self, run: Run) -> None:
        """The run as it is now; never raises for a disk that is full for a while."""
        try:
            self.write(run)
        except OSError as e:
            if not self._complained:
                wiring.complain(f"cannot write {self.path}: {e.strerror}", "it is tried again")
            self._complained = True
        else:
            self._complained = False

    def write(self, run: Run) -> None:
        """The run instead of what is there, by rename and synced; raises OSError."""
        data = io.BytesIO()
        text = io.TextIOWrapper(data, encoding="utf-8")
        form = Format.json if self.output.form is Format.terminal else self.output.form
        wiring.render(run, form, text, self.output)
        new = self.path.with_name(f".{self.path.name[:200]}.{os.urandom(4).hex()}")
        try:
            private.write_new(new, data.getvalue())
            new.chmod(self.mode)
            new.replace(self.path)
            private.sync(self.path.parent)
        finally:
            new.unlink(missing_ok=True)


def lasting(output: Output, blank: Run) -> Lasting:
    """The file of `-o` with a run that has seen nothing yet. Raises InputError."""
    if output.output is None:
        raise InputError("watch keeps its result in a file", hint="give -o FILE")
    mode = 0o600
    try:
        path = output.output.resolve()  # a link stays one
        with suppress(FileNotFoundError):
            facts = path.stat()
            mode = stat.S_IMODE(facts.st_mode)
            if not stat.S_ISREG(facts.st_mode):
                raise InputError(f"{path} is no file", hint="-o FILE is replaced every 10 s")
        file = Lasting(path=path, mode=mode, output=output)
        file.write(blank)
    except (OSError, RuntimeError, ValueError) as e:  # a loop of links; a null byte
        reason = (isinstance(e, OSError) and e.strerror) or str(e)
        raise InputError(f"cannot write {output.output}: {reason}", hint="give another -o") from e
    return file
