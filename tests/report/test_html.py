"""The HTML report: one file that fetches nothing, and in which all text from outside is text."""

import io
import re
from html.parser import HTMLParser

import pytest

from certcheck.model.certificate import colons
from certcheck.model.run import Run
from certcheck.report import html
from tests.report import runs, verifications
from tests.report.test_terminal import _HOSTILE, hostile

_VOID = {"meta", "br"}


class _Reader(HTMLParser):
    """Collects the text, the attributes and the tags, and sees whether tags are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def _page(run: Run) -> str:
    stream = io.StringIO()
    html.write(run, stream)
    return stream.getvalue()


def _read(run: Run) -> _Reader:
    reader = _Reader()
    reader.feed(_page(run))
    assert reader.open == []
    return reader


def _words(run: Run) -> str:
    return " ".join(" ".join(_read(run).text).split())


@pytest.mark.parametrize(
    "run",
    [
        verifications.verified(),
        verifications.clean(),
        verifications.snapshot(),
        runs.audit(),
        runs.fingerprints(),
    ],
    ids=["verify", "clean", "snapshot", "audit", "fingerprints"],
)
def test_a_page_fetches_nothing_and_runs_nothing(run: Run) -> None:
    reader, page = _read(run), _page(run)

    assert not reader.tags & {"script", "link", "img", "iframe", "object", "form", "a"}
    assert not reader.attributes - {"lang", "charset", "name", "content", "class", "data-label"}
    assert not re.search(r"url\(|@import", page)


def test_the_verdict_is_the_first_thing_on_the_page() -> None:
    good, bad = _words(verifications.clean()), _words(verifications.verified())

    assert good.split("UTC ", 2)[2].startswith("Good: 3 ports serve mail/3")
    assert bad.split("UTC ", 2)[2].startswith("Not good: 1 thing is lost")


def test_a_verification_shows_all_that_the_terminal_shows() -> None:
    words = _words(verifications.verified())

    for change in verifications.verified().changes:
        assert change.message in words
        assert not change.bad or change.id in words
    for part in ("all were told (postmaster", "For the support desk", "421 too many", "the same"):
        assert part in words
    assert colons(runs.LEAF.sha256) in words
    assert colons(runs.LEAF.sha1) in words


def test_other_commands_show_what_was_seen_and_found() -> None:
    audit, fingerprints = _words(runs.audit()), _words(runs.fingerprints())

    assert "6 ports, 2 errors" in audit
    assert "rule expired" in audit
    assert "TLSv1.0 accepted" in audit
    assert colons(runs.LEAF.sha256) in fingerprints
    assert "imap.example.org" in _words(runs.domain())
    assert "replace file" in _words(runs.install())
    watch = _words(runs.watch())
    assert "the longest outage was" in watch
    assert "IMAP 143" in watch
    assert colons(runs.OLD.sha256) in watch


@pytest.mark.parametrize("command", ["audit", "fingerprints", "install", "snapshot", "verify"])
@pytest.mark.parametrize(
    "text", [*_HOSTILE, "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}"]
)
def test_hostile_text_is_only_ever_text(text: str, command: str) -> None:
    page, reader = _page(hostile(text, command)), _read(hostile(text, command))

    assert all(line.isprintable() for line in page.splitlines())
    assert not reader.tags & {"script", "img"}
    assert not text.isprintable() or text in "".join(reader.text)
