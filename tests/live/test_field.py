"""Servers as they are in the field: shared files, links, full disks, daemons that are down."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from certcheck.lab import Lab
from tests.conftest import Certcheck
from tests.live.hosting import files, leaf, reconfigure, served


def dovecot_config(lab: Lab) -> Path:
    return lab.path / "dovecot" / "dovecot.conf"


def edited(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def tool(*argv: str | Path) -> None:
    subprocess.run(
        list(map(str, argv)),
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=30,
    )


def test_a_file_of_both_servers_is_written_once(fresh_lab: Lab, certcheck: Certcheck) -> None:
    tls = fresh_lab.path / "dovecot" / "tls"
    both = fresh_lab.path / "postfix" / "tls" / "chain.pem"
    config = dovecot_config(fresh_lab)
    edited(config, (str(tls / "fullchain.pem"), str(both)), (str(tls / "privkey.pem"), str(both)))
    tool("doveadm", "-c", config, "reload")
    assert certcheck("issue", "-c", fresh_lab.config).code == 0

    done = certcheck("install", "-c", fresh_lab.config, "--json")

    assert done.code == 0
    kinds = [(a["server"], a["kind"]) for a in done.document["actions"]]
    assert [k for k in kinds if k[1] == "replace_file"] == [("dovecot", "replace_file")]
    assert ("postfix", "reload") in kinds
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/1")}


def test_links_stay_and_their_targets_are_replaced(fresh_lab: Lab, certcheck: Certcheck) -> None:
    live = fresh_lab.path / "dovecot" / "tls"
    archive = fresh_lab.path / "dovecot" / "archive"
    archive.mkdir(mode=0o755)
    for name in ("fullchain.pem", "privkey.pem"):
        (live / name).rename(archive / name)
        (live / name).symlink_to(f"../archive/{name}")
    assert certcheck("issue", "-c", fresh_lab.config).code == 0

    assert certcheck("install", "-c", fresh_lab.config).code == 0

    assert all((live / name).is_symlink() for name in ("fullchain.pem", "privkey.pem"))
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/1")}


def test_a_file_that_a_server_names_must_be_there(issued: Lab, certcheck: Certcheck) -> None:
    chain = issued.path / "postfix" / "tls" / "chain.pem"
    aside = chain.with_suffix(".aside")
    chain.rename(aside)
    try:
        refused = certcheck("install", "-c", issued.config)
    finally:
        aside.rename(chain)

    assert refused.code == 3
    assert f"cannot read {chain}" in refused.complaint


def test_a_syntax_error_is_told_in_the_servers_own_words(issued: Lab, certcheck: Certcheck) -> None:
    config = dovecot_config(issued)
    text = config.read_text()
    config.write_text(text + "nonsense {\n")
    try:
        refused = certcheck("install", "-c", issued.config)
    finally:
        config.write_text(text)

    assert refused.code == 3
    assert "Dovecot refuses" in refused.complaint
    assert "line" in refused.complaint


@pytest.mark.parametrize(
    ("server", "code"), [("dovecot", 3), ("postfix", 4)]
)  # Dovecot's files are written first
def test_a_full_disk_changes_nothing(
    issued: Lab, certcheck: Certcheck, server: str, code: int
) -> None:
    before, old = files(issued), served(issued)
    folder = issued.path / server / "tls"
    there = {path.name for path in folder.iterdir()}
    with small_disk(folder):
        undone = certcheck("install", "-c", issued.config, "--json")
        beside = {path.name for path in folder.iterdir()}

    assert undone.code == code
    assert "No space left" in undone.document["error"]["message"]
    assert beside == there | {"filler"}
    assert files(issued) == before
    assert served(issued) == old


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """The files of `folder` on a disk without any room left."""
    inside = {path.name: path.read_bytes() for path in folder.iterdir()}
    tool("mount", "-t", "tmpfs", "-o", "size=64k,mode=0755", "tmpfs", folder)
    try:
        for name, data in inside.items():
            (folder / name).write_bytes(data)
            (folder / name).chmod(0o600)
        room = os.statvfs(folder)
        with pytest.raises(OSError, match="No space"):
            (folder / "filler").write_bytes(b"x" * (room.f_bavail * room.f_frsize + 1))
        yield
    finally:
        tool("umount", folder)


@pytest.mark.parametrize(
    ("argv", "config", "words"),
    [
        ("postfix -c", "postfix", "SUBMISSIONS smtp.example.test"),
        ("doveadm -c", "dovecot/dovecot.conf", "IMAPS imap.example.test"),
    ],
)
def test_a_server_that_is_down_is_told_before_anything_is_done(
    fresh_lab: Lab, certcheck: Certcheck, argv: str, config: str, words: str
) -> None:
    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    before = files(fresh_lab)
    tool(*argv.split(), fresh_lab.path / config, "stop")

    refused = certcheck("install", "-c", fresh_lab.config)

    assert refused.code == 3
    assert "does not answer now" in refused.complaint
    assert words in refused.complaint
    assert files(fresh_lab) == before


def test_a_broken_server_is_mended(fresh_lab: Lab, certcheck: Certcheck) -> None:
    chain = fresh_lab.path / "postfix" / "tls" / "chain.pem"
    chain.write_bytes(b"garbage")
    main = fresh_lab.path / "postfix" / "main.cf"
    reconfigure(main, main.read_text())
    assert certcheck("issue", "-c", fresh_lab.config).code == 0

    done = certcheck("install", "-c", fresh_lab.config)

    assert done.code == 0
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/1")}
