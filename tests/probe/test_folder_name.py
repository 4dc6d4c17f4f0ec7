"""Names of folders: modified UTF-7 and whatever else servers send, there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certcheck.probe.folder_name import unicode, wire


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"INBOX", "INBOX"),
        (b"Entw&APw-rfe", "Entwürfe"),
        (b"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),  # RFC 3501 5.1.3
        (b"R&-D", "R&D"),
        (b"&2D3eAA-", "😀"),
        (b"&ABs-[31m", "\x1b[31m"),
        (b"a\\b", "a\\b"),
        # Not in the one right form: two shifts in a row, ASCII in Base64, half a character.
        (b"&AOQ-&APY-", r"\x26AOQ-\x26APY-"),
        (b"&AGE-", r"\x26AGE-"),
        (b"&2D0-", r"\x262D0-"),
        (b"&Jjo", r"\x26Jjo"),
        ("Entwürfe".encode(), r"Entw\xc3\xbcrfe"),
        (b"\x1b]0;x\x07", r"\x1b]0;x\x07"),
        (b"\\x41", r"\x5cx41"),
    ],
)
def test_a_name_is_read_and_written_as_it_was(raw: bytes, name: str) -> None:
    assert unicode(raw) == name
    assert wire(name) == raw


@given(st.binary(max_size=40) | st.text("&-,/\\x41AOQ5", max_size=12).map(str.encode))
def test_any_bytes_come_back(raw: bytes) -> None:
    name = unicode(raw)

    assert wire(name) == raw
    name.encode("utf-8")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_name_comes_back_unless_it_looks_like_an_escape(name: str) -> None:
    if "\\x" not in name:
        assert unicode(wire(name)) == name
