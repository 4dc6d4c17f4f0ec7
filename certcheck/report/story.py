"""The demo's summary: the chapters of one change of certificates, for somebody new to it."""

import textwrap
from collections.abc import Sequence
from typing import Protocol, TextIO

from certcheck.model.run import Run
from certcheck.report import markdown

_ONE_HOST = """\
A mail host got a new certificate while it was running: ordered by ACME, installed into Dovecot and
Postfix, proved by handshakes on every port. Mail programs that trust the certificate authority
notice nothing. The others ask their owner to accept the new certificate, once for reading mail
(IMAP) and once for sending it (SMTP), and show its fingerprint: the last chapter has them, the old
ones beside the new."""

_TWO_HOSTS = """\
A mail host moved to a new machine in one night: from Debian 11 to Debian 13, with the real servers
of both. Address, names and ports stayed; the certificate and all the software under it changed.
Before, everything that the old host offers went into a snapshot; afterwards the new one was held
against it. Mail programs that trust the certificate authority notice nothing. The others ask their
owner to accept the new certificate, once for reading mail (IMAP) and once for sending it (SMTP),
and show its fingerprint: the last chapter has them, the old ones beside the new."""


class Chapter(Protocol):
    """One part of the story: what it is about, what a person would type, and what came of it."""

    @property
    def title(self) -> str:
        """Its heading."""
        ...

    @property
    def text(self) -> str:
        """What a newcomer needs to know of it, one or two sentences."""
        ...

    @property
    def command(self) -> str:
        """The command that does it, without `certcheck`."""
        ...

    @property
    def run(self) -> Run:
        """The result of that command."""
        ...


def opening(number: int, chapter: Chapter) -> str:
    """What stands above a chapter's result on a terminal."""
    text = textwrap.fill(chapter.text, 100)
    return f"== {number}. {chapter.title}\n{text}\n\n$ certcheck {chapter.command}"


def write(chapters: Sequence[Chapter], stream: TextIO) -> None:
    """All chapters as one Markdown file."""
    moved = any(chapter.run.command == "snapshot" for chapter in chapters)
    stream.write(f"# certcheck demo\n\n{_TWO_HOSTS if moved else _ONE_HOST}\n")
    for number, chapter in enumerate(chapters, 1):
        stream.write(f"\n## {number}. {chapter.title}\n\n{textwrap.fill(chapter.text, 100)}\n")
        stream.write(f"\n```\n$ certcheck {chapter.command}\n```\n")
        markdown.body(chapter.run, stream)
