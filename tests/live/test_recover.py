"""After a kill in the middle of an installation: finished or put back, and it is said which."""

from pathlib import Path

from certcheck.lab import Lab
from certcheck.lab.pki import GOOD, make
from certcheck.store import journal
from certcheck.store.journal import Closed
from tests.conftest import Certcheck
from tests.live.hosting import files, kill_at_reload, leaf, served


def test_what_a_killed_run_changed_is_put_back(
    issued: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    before, old = files(issued), served(issued)
    kill_at_reload(issued, tmp_path)
    assert files(issued) != before

    healed = certcheck("recover", "-c", issued.config, "--json")

    assert healed.code == 0
    assert files(issued) == before
    assert served(issued) == old
    assert "restore_file" in [a["kind"] for a in healed.document["actions"]]

    again = certcheck("recover", "-c", issued.config, "--json")

    assert again.code == 0
    assert again.document["actions"] == []


def test_the_next_run_heals_what_a_killed_run_left(
    fresh_lab: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    kill_at_reload(fresh_lab, tmp_path)

    done = certcheck("install", "-c", fresh_lab.config, "--json")

    assert done.code == 0
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/1")}


def test_a_run_that_had_done_everything_is_finished(fresh_lab: Lab, certcheck: Certcheck) -> None:
    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    assert certcheck("install", "-c", fresh_lab.config).code == 0
    without_its_end(fresh_lab)

    healed = certcheck("recover", "-c", fresh_lab.config, "--json")

    assert healed.code == 0
    assert [row["result"] for row in healed.document["rows"]] == ["finished"]
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/1")}


def test_a_file_changed_by_hand_since_is_left_and_named(
    issued: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    before = files(issued)
    kill_at_reload(issued, tmp_path)
    chain = issued.path / "dovecot" / "tls" / "fullchain.pem"
    ours = chain.read_bytes()
    chain.write_bytes(make(GOOD).chain)
    between = files(issued)

    stranded = certcheck("recover", "-c", issued.config, "--json")

    assert stranded.code == 5
    assert f"{chain} has been changed by another program" in stranded.document["error"]["message"]
    assert stranded.document["rows"][0]["result"] == "stranded"
    assert files(issued) == between
    assert certcheck("install", "-c", issued.config).code == 5

    chain.write_bytes(ours)

    assert certcheck("recover", "-c", issued.config).code == 0
    assert files(issued) == before


def without_its_end(lab: Lab) -> None:
    """As if the last run had been killed just before it closed its journal."""
    (events,) = lab.path.glob("state/journal/*-install/events.jsonl")
    *lines, last = events.read_bytes().splitlines(keepends=True)
    assert b"closed" in last
    events.write_bytes(b"".join(lines))
    (book,) = journal.unfinished(lab.path / "state")
    assert not isinstance(book.events[-1], Closed)
