import os
from pathlib import Path

import pytest

from certcheck.errors import InputError, Obstacle
from certcheck.lab import premises
from tests.making import umask


@pytest.fixture(autouse=True)
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rights and programs are there, whoever runs these tests."""
    monkeypatch.setattr(premises, "_NEEDED", {"sh": "dash", "/bin/sh": "dash"})
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_directory_is_made_for_everybody_to_enter(tmp_path: Path) -> None:
    premises.prepared(tmp_path / "a" / "lab")

    assert mode(tmp_path / "a" / "lab") == 0o755


def test_a_directory_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()

    with pytest.raises(InputError, match="is not empty"):
        premises.prepared(tmp_path)

    assert (tmp_path / "precious").exists()


def test_a_file_is_no_lab_directory(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(InputError, match="cannot be used"):
        premises.prepared(file)


@pytest.mark.parametrize("name", ["a b", "a$b", "a%b", "a#b", "a,b", "ä", 'a"b', "a\nb"])
def test_a_name_that_servers_read_as_syntax_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="characters"):
        premises.prepared(tmp_path / name)

    assert not (tmp_path / name).exists()


def test_a_closed_parent_gets_a_short_runtime_directory(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    place = premises.prepared(closed / "lab")

    assert place.outside
    assert place.runtime.parent == Path("/run")
    assert not place.runtime.exists()
    assert mode(closed) == 0o700


def test_a_long_path_gets_a_short_runtime_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(premises, "_reachable", lambda _: True)

    place = premises.prepared(tmp_path / ("x" * 200))

    assert place.outside


def test_an_open_directory_keeps_everything_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(premises, "_reachable", lambda _: True)
    monkeypatch.setattr(premises, "_LONGEST", 1000)

    place = premises.prepared(tmp_path / "lab")

    assert not place.outside
    assert place.runtime == tmp_path / "lab" / "run"


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    with umask(0o077):
        place = premises.prepared(tmp_path / "lab")
        public = place.write("a/public", "x")
        secret = place.write("a/secret", b"x", mode=0o600)

    assert mode(public.parent) == 0o755
    assert mode(public) == 0o644
    assert mode(secret) == 0o600


def test_a_missing_program_is_named_with_the_line_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {"no-such-daemon": "mail-b", "/no/such/module": "mail-a", "sh": "dash"}
    monkeypatch.setattr(premises, "_NEEDED", needed)

    with pytest.raises(Obstacle, match="not installed: mail-a, mail-b") as caught:
        premises.refuse_without_means()

    assert caught.value.hint == "apt-get install --no-install-recommends mail-a mail-b"


def test_without_root_rights_there_is_no_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(Obstacle, match="root rights") as caught:
        premises.refuse_without_means()

    assert caught.value.hint == "run it as root"
