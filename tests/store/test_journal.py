"""What stands in the journal is there before the step, and survives a kill at any byte."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certcheck.errors import Obstacle, Stranded
from certcheck.model.action import Cell, Expectation
from certcheck.store import journal
from certcheck.store.journal import Activation, Intended, Journal, Opened, Saved
from certcheck.targets import endpoint

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)

CELL = Cell(endpoint=endpoint("imap://mail.example.test"), address="192.0.2.7", server_name=None)
HEAD = Opened(
    command="install",
    bundle="mail/3",
    size=1,
    before=(Expectation(cell=CELL, sha256=frozenset({"ab" * 32})),),
    after=(Expectation(cell=CELL, sha256=frozenset({"cd" * 32})),),
    activations=(
        Activation(server="dovecot", kind="reload", argv=("doveadm", "reload"), files=("/x",)),
    ),
)
STEP = Intended(
    step=1,
    server="dovecot",
    kind="replace_file",
    target="/etc/ssl/chain.pem",
    saved=Saved(
        copy="",
        sha256="11" * 32,
        new_sha256="22" * 32,
        uid=0,
        gid=8,
        mode=0o640,
        attributes=(("user.x", b"\x00\xff"),),
    ),
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def book(state: Path) -> Journal:
    return journal.begin(state, HEAD, now=NOW)


def test_an_open_journal_comes_back_as_it_was_written(state: Path, book: Journal) -> None:
    book.intend(STEP, b"old bytes")
    book.did(1)

    (found,) = journal.unfinished(state)

    assert found.events == book.events
    assert found.opened == HEAD
    (step,) = found.steps
    assert step.saved is not None
    assert found.saved_bytes(step.saved) == b"old bytes"


def test_a_closed_journal_is_not_open(state: Path, book: Journal) -> None:
    book.close("undone")

    assert journal.unfinished(state) == []


def test_the_youngest_comes_first(state: Path, book: Journal) -> None:
    second = journal.begin(state, HEAD, now=NOW)
    third = journal.begin(state, HEAD, now=NOW.replace(hour=9))

    assert [j.id for j in journal.unfinished(state)] == [third.id, second.id, book.id]


def test_saved_files_are_for_their_owner_alone(book: Journal) -> None:
    book.intend(STEP, b"a key")

    assert (book.folder / "files" / "1").stat().st_mode & 0o777 == 0o600
    assert book.folder.stat().st_mode & 0o777 == 0o700


def test_a_kill_at_any_byte_leaves_a_journal_that_can_be_read(state: Path, book: Journal) -> None:
    book.intend(STEP, b"old bytes")
    book.did(1)
    path = book.folder / "events.jsonl"
    whole = path.read_bytes()

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        found = journal.unfinished(state)
        kept = whole[:length].count(b"\n")
        assert [len(j.events) for j in found] == ([kept] if kept else [])
        assert path.read_bytes() == b"".join(whole.splitlines(keepends=True)[:kept])


def test_what_is_written_after_a_torn_line_stands_alone(state: Path, book: Journal) -> None:
    path = book.folder / "events.jsonl"
    path.write_bytes(path.read_bytes() + b'{"event":"inten')
    (found,) = journal.unfinished(state)

    found.close("undone")

    assert journal.unfinished(state) == []


def test_a_damaged_journal_is_not_passed_over(state: Path, book: Journal) -> None:
    path = book.folder / "events.jsonl"
    path.write_bytes(b"nonsense\n" + path.read_bytes())

    with pytest.raises(Stranded, match="is damaged"):
        journal.unfinished(state)


def test_a_journal_without_its_head_is_not_guessed_at(book: Journal) -> None:
    headless = Journal(folder=book.folder, events=[STEP])

    with pytest.raises(Stranded, match="is damaged"):
        _ = headless.opened


def test_without_a_store_nothing_is_open(tmp_path: Path) -> None:
    assert journal.unfinished(tmp_path) == []


def test_a_journal_is_complete_when_all_its_steps_are_done(book: Journal) -> None:
    book.intend(STEP, b"old bytes")
    assert not book.complete

    book.did(1)

    assert book.complete


def test_a_full_disk_leaves_the_journal_as_it_was(state: Path, book: Journal) -> None:
    before = (book.folder / "events.jsonl").read_bytes()

    with limited(len(before) + 20), pytest.raises(Obstacle, match="cannot keep the journal"):
        book.did(1)

    assert (book.folder / "events.jsonl").read_bytes() == before
    book.close("undone")
    assert journal.unfinished(state) == []


def test_a_full_disk_is_told_before_a_step_is_done(book: Journal) -> None:
    with limited(4), pytest.raises(Obstacle, match="cannot keep the journal"):
        book.intend(STEP, b"the old bytes of a file")

    assert book.steps == ()


@contextmanager
def limited(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes, as on a full disk or over a quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
