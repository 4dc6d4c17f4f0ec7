"""The commands of docs/operations.md, in their order, on a lab: a page that cannot lie."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from certcheck.lab import Lab
from tests.conftest import Certcheck
from tests.live.hosting import leaf, served

PAGE = Path(__file__).parent.parent.parent / "docs" / "operations.md"


def commands() -> Iterator[list[str]]:
    """Every line of every block of commands, without its comment."""
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL):
        for line in block.splitlines():
            yield shlex.split(line, comments=True)


def test_every_command_of_the_page_does_what_it_says(fresh_lab: Lab, certcheck: Certcheck) -> None:
    (fresh_lab.path / "hosts.txt").write_text("\n".join(fresh_lab.host.endpoints))
    listed = list(commands())
    for program, *arguments in listed:
        assert program == "certcheck"
        done = certcheck(*arguments, cwd=fresh_lab.path)

        assert done.code == 0, (arguments, done.stderr)

    assert len(listed) > 15
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/1")}
    assert (fresh_lab.path / "state" / "bundles" / "spare" / "1").is_dir()
    assert not (fresh_lab.path / "state" / "bundles" / "spare" / "2").exists()
