"""What a look leaves in the logs of real servers is what docs/operations.md says."""

import re
from pathlib import Path

import pytest

from certcheck.lab import Lab
from tests.conftest import Certcheck
from tests.lab.asking import until

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
ROW = re.compile(r"\| (\w+) \| (Dovecot|Postfix) \| (\d+) \| (\d+) \| (\d+) \|")
SCHEMES = {"Dovecot": "imap:", "Postfix": "smtp:"}
ENDS = {"Dovecot": "Disconnected", "Postfix": ": disconnect from"}
WORDS = {"fingerprints": ["fingerprints"], "snapshot": ["snapshot", "-o", "snapshot.json"]}
GOODBYES = {"Dovecot": "Aborted login by logging out", "Postfix": "quit=1"}


def told() -> list[tuple[str, str, int, int, int]]:
    rows = ROW.findall(PAGE.read_text("utf-8"))
    return [(look, server, int(a), int(b), int(c)) for look, server, a, b, c in rows]


def test_the_page_tells_of_every_look() -> None:
    assert len({(look, server) for look, server, *_ in told()}) == 10


@pytest.mark.parametrize(("look", "server", "connections", "lines", "goodbyes"), told())
def test_a_look_leaves_the_lines_that_the_page_tells(  # noqa: PLR0913, PLR0917 - a row of the table
    shared: Lab,
    certcheck: Certcheck,
    look: str,
    server: str,
    connections: int,
    lines: int,
    goodbyes: int,
) -> None:
    log = shared.path / "log" / f"{server.lower()}.log"
    before = log.stat().st_size
    url = next(url for url in shared.host.endpoints if url.startswith(SCHEMES[server]))
    words = WORDS.get(look, ["audit", f"--depth={look}"])

    done = certcheck(*words, "-c", shared.config, url, "--json")
    # A snapshot holds no number that may differ from one to the next.
    taken = done.document["connections"] or connections
    until(lambda: written(log, before, ENDS[server]) >= taken)

    allowed = 0.1 if look in {"standard", "full", "snapshot"} else 0.0
    assert written(log, before, ENDS[server]) == pytest.approx(taken, rel=allowed)
    assert written(log, before, GOODBYES[server]) == goodbyes
    # A scan asks again what a busy machine did not answer, or finds the answer in fewer tries.
    assert taken == pytest.approx(connections, rel=allowed)
    assert written(log, before, "\n") == pytest.approx(lines, rel=allowed)


def written(log: Path, before: int, what: str) -> int:
    """How often `what` was written since then."""
    with log.open("rb") as stream:
        stream.seek(before)
        return stream.read().count(what.encode())
