"""What tests of several rooms share: the command as a user runs it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jsonschema
import pytest
from hypothesis import settings

SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "run.schema.json").read_text())


# A machine that is busy is no fault of the code.
settings.register_profile("certcheck", deadline=None)
settings.load_profile("certcheck")

COMMAND = (sys.executable, "-m", "certcheck")

# Not root, but able to read Python wherever it is installed.
AS_NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)


@pytest.fixture(autouse=True)
def measured_where_it_is_cheap(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No coverage in the processes that a long test starts: it takes half as long again."""
    if any(request.node.get_closest_marker(name) for name in ("live", "slow")):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A certcheck command that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on stdout, after the schema has accepted it."""
        document: dict[str, Any] = json.loads(self.stdout)
        jsonschema.validate(document, SCHEMA)
        assert document["exit_code"] == self.code
        return document

    @property
    def complaint(self) -> str:
        """The one line that says what is wrong."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("certcheck: ")]
        assert len(lines) == 1, self.stderr
        assert "Traceback" not in self.stderr
        return lines[0]


def pytest_configure() -> None:
    """Let Ctrl-C reach what the tests start, also where the shell runs them in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have measured, from every worker."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "measured" and getattr(report, "when", "") == "call":
                    terminalreporter.write_line(f"measured: {value}")


class Certcheck(Protocol):
    """What the fixture `certcheck` is."""

    def __call__(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        as_nobody: bool = False,
    ) -> Ended:
        """Run the command in a process of its own, 120 s at most."""
        ...


def _environment(*, measured: bool) -> dict[str, str]:
    # Nobody may not write the coverage data of root's run.
    return {k: v for k, v in os.environ.items() if measured or not k.startswith("COV")}


@pytest.fixture
def certcheck(tmp_path: Path) -> Certcheck:
    """Runs `certcheck ARGUMENTS...` as a user does."""
    return _running(tmp_path)


@pytest.fixture(scope="module")
def certcheck_once(tmp_path_factory: pytest.TempPathFactory) -> Certcheck:
    """The same for what a module does once, before its tests."""
    return _running(tmp_path_factory.mktemp("once"))


def _running(folder: Path) -> Certcheck:
    def run(
        *arguments: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        as_nobody: bool = False,
    ) -> Ended:
        done = subprocess.run(
            [*(AS_NOBODY if as_nobody else ()), *COMMAND, *map(str, arguments)],
            cwd=cwd or folder,
            env={**_environment(measured=not as_nobody), **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    return run
