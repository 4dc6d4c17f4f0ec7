import stat
from pathlib import Path

import pytest

from certcheck.errors import InputError, Obstacle
from certcheck.issue.http01 import Webroot
from tests.issue.play import challenge
from tests.making import umask


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_webroot_holds_the_token_for_the_web_server_to_read(tmp_path: Path, mask: int) -> None:
    folder = tmp_path / ".well-known/acme-challenge"

    with umask(mask), Webroot(tmp_path).presented(challenge()):
        files = list(folder.iterdir())
        content = (folder / "tok-EN_1").read_bytes()
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (folder.parent, folder, *files)]

    assert [each.name for each in files] == ["tok-EN_1"]
    assert content == b"tok-EN_1.thumb"
    assert modes == [0o755, 0o755, 0o644]
    assert list(tmp_path.iterdir()) == []


def test_directories_that_were_there_stay(tmp_path: Path) -> None:
    (tmp_path / ".well-known").mkdir(mode=0o750)

    with Webroot(tmp_path).presented(challenge()):
        pass

    assert [each.name for each in tmp_path.rglob("*")] == [".well-known"]
    assert stat.S_IMODE((tmp_path / ".well-known").stat().st_mode) == 0o750


def test_another_programs_token_stays(tmp_path: Path) -> None:
    folder = tmp_path / ".well-known/acme-challenge"

    with Webroot(tmp_path).presented(challenge()):
        (folder / "theirs").write_text("x")

    assert [each.name for each in folder.iterdir()] == ["theirs"]


def test_a_token_is_gone_after_ctrl_c(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Webroot(tmp_path).presented(challenge()):
        raise KeyboardInterrupt

    assert list(tmp_path.iterdir()) == []


def test_a_token_may_be_gone_already(tmp_path: Path) -> None:
    with Webroot(tmp_path).presented(challenge()):
        (tmp_path / ".well-known/acme-challenge/tok-EN_1").unlink()

    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_tokens_place_is_replaced_not_followed(tmp_path: Path) -> None:
    (victim := tmp_path / "victim").write_text("precious")
    (webroot := tmp_path / "www").mkdir()
    (folder := webroot / ".well-known/acme-challenge").mkdir(parents=True)
    (folder / "tok-EN_1").symlink_to(victim)

    with Webroot(webroot).presented(challenge()):
        assert not (folder / "tok-EN_1").is_symlink()

    assert victim.read_text() == "precious"


def test_a_webroot_that_is_missing_or_a_file_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for each in ("missing", "file"):
        with (
            pytest.raises(InputError, match="is not a directory"),
            Webroot(tmp_path / each).presented(challenge()),
        ):
            pass


def test_a_webroot_that_cannot_be_written_is_an_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".well-known").write_text("a file stands here")

    with (
        pytest.raises(Obstacle, match="cannot write below webroot") as e,
        Webroot(tmp_path).presented(challenge()),
    ):
        pass

    assert "--http-port" in e.value.hint
    assert [each.name for each in tmp_path.iterdir()] == [".well-known"]


def test_a_token_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / ".well-known/acme-challenge/tok-EN_1").mkdir(parents=True)

    with pytest.raises(Obstacle), Webroot(tmp_path).presented(challenge()):
        pass

    assert [each.name for each in (tmp_path / ".well-known/acme-challenge").iterdir()] == [
        "tok-EN_1"
    ]
