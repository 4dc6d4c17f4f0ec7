import os
import resource
import stat
from pathlib import Path

import pytest

from certcheck import x509
from certcheck.errors import Obstacle
from certcheck.issue.account import account_home, account_key
from tests.making import umask

DIRECTORY = "https://ca.example.test:14000/dir"


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_key_and_directories_are_private_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    (state := tmp_path / "state").mkdir(mode=0o700)
    home = account_home(state, DIRECTORY)

    with umask(mask & 0o077):
        account_key(state, DIRECTORY)

    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (home.parent, home)}
    assert set(modes.values()) == {0o700}
    assert [each.name for each in home.iterdir()] == ["key.pem"]
    assert stat.S_IMODE((home / "key.pem").stat().st_mode) == 0o600


def test_the_key_is_made_once(tmp_path: Path) -> None:
    first = account_key(tmp_path, DIRECTORY)

    assert account_key(tmp_path, DIRECTORY) == first


def test_each_authority_has_an_account_of_its_own(tmp_path: Path) -> None:
    other = "https://ca.example.test:14000/other"

    assert account_key(tmp_path, DIRECTORY) != account_key(tmp_path, other)


@pytest.mark.parametrize(
    "url", ["https://../../etc/dir", "https://xn--caf-dma.test/", "https://[::1]:1/", "x" * 300]
)
def test_the_home_is_below_accounts_whatever_the_url(tmp_path: Path, url: str) -> None:
    home = account_home(tmp_path, url)

    assert home.parent == tmp_path / "accounts"
    assert len(home.name) < 100
    assert home.name.replace("-", "").isalnum()


@pytest.mark.parametrize("part", ["accounts", "home", "key.pem"])
def test_a_planted_link_is_refused_and_its_target_untouched(tmp_path: Path, part: str) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir(mode=0o700)
    (victim := elsewhere / "victim").write_text("precious")
    (state := tmp_path / "state").mkdir(mode=0o700)
    home = account_home(state, DIRECTORY)
    link = {"accounts": home.parent, "home": home, "key.pem": home / "key.pem"}[part]
    link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in (home.parent, home):
        if each.is_dir():
            each.chmod(0o700)
    link.symlink_to(victim if part == "key.pem" else elsewhere)

    with pytest.raises(Obstacle):
        account_key(state, DIRECTORY)

    assert [each.name for each in elsewhere.iterdir()] == ["victim"]
    assert victim.read_text() == "precious"


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    home = account_home(tmp_path, DIRECTORY)
    home.mkdir(mode=0o700, parents=True)
    home.parent.chmod(0o700)
    (home / "key.pem").symlink_to(tmp_path / "planted")

    with pytest.raises(Obstacle, match="cannot use"):
        account_key(tmp_path, DIRECTORY)

    assert not (tmp_path / "planted").exists()


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    account_key(tmp_path, DIRECTORY)
    key = account_home(tmp_path, DIRECTORY) / "key.pem"
    key.chmod(0o640)

    with pytest.raises(Obstacle, match="others can read") as e:
        account_key(tmp_path, DIRECTORY)

    assert e.value.hint == f"chmod 0600 {key}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_of_another_user_is_refused(tmp_path: Path) -> None:
    account_key(tmp_path, DIRECTORY)
    os.chown(account_home(tmp_path, DIRECTORY) / "key.pem", 65534, 65534)

    with pytest.raises(Obstacle, match="not a file of ours"):
        account_key(tmp_path, DIRECTORY)


def test_a_fifo_in_the_keys_place_does_not_hang(tmp_path: Path) -> None:
    account_key(tmp_path, DIRECTORY)
    key = account_home(tmp_path, DIRECTORY) / "key.pem"
    key.unlink()
    os.mkfifo(key, 0o600)

    with pytest.raises(Obstacle, match="not a file of ours"):
        account_key(tmp_path, DIRECTORY)


def test_a_broken_or_foreign_key_is_refused_without_a_word_of_it(tmp_path: Path) -> None:
    account_key(tmp_path, DIRECTORY)
    key = account_home(tmp_path, DIRECTORY) / "key.pem"

    for content in (key.read_bytes()[:120], b"", x509.new_key("rsa2048")):
        key.write_bytes(content)
        with pytest.raises(Obstacle, match="is not an ECDSA P-256 key") as e:
            account_key(tmp_path, DIRECTORY)
        assert content.decode()[30:50] not in str(e.value) or not content
        assert e.value.__cause__ is None


def test_a_full_disk_leaves_no_half_key(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(Obstacle, match=r"cannot use .*File too large"):
            account_key(tmp_path, DIRECTORY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert list(account_home(tmp_path, DIRECTORY).iterdir()) == []


def test_a_directory_that_cannot_be_written_is_an_obstacle(tmp_path: Path) -> None:
    (tmp_path / "accounts").write_text("a file stands here")

    with pytest.raises(Obstacle):
        account_key(tmp_path, DIRECTORY)
