"""Generations are wholly there or not at all, and their keys are for their owner alone."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certcheck.errors import InputError, Obstacle, UnfitBundle
from certcheck.model.bundle import Generation
from certcheck.store import bundles
from tests import making

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def generation() -> Generation:
    return making.generation("mail", "mail.example.test")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


def test_what_is_saved_comes_back(state: Path, generation: Generation) -> None:
    bundles.save(state, generation)

    assert bundles.load(state, "mail") == generation
    assert bundles.load(state, "mail", 1) == generation


def test_a_generation_may_have_a_pair_for_each_key_type(state: Path) -> None:
    both = making.generation("mail", "mail.example.test", keys=("ecdsa", "rsa2048"))
    bundles.save(state, both)

    assert bundles.load(state, "mail") == both
    assert both.key_types == ("ecdsa", "rsa")


def test_what_is_held_is_listed(state: Path, generation: Generation) -> None:
    assert bundles.held(state) == ()
    for number in (10, 2):
        bundles.save(state, replace(generation, number=number))
    (state / "bundles" / "empty").mkdir()

    assert bundles.held(state) == ("mail",)
    assert bundles.numbers(state, "mail") == (2, 10)


def test_the_newest_generation_is_the_default(state: Path, generation: Generation) -> None:
    for number in (1, 2, 10):
        assert bundles.next_number(state, "mail") <= number
        bundles.save(state, replace(generation, number=number))

    assert bundles.load(state, "mail").number == 10
    assert bundles.next_number(state, "mail") == 11


def test_keys_are_for_their_owner_alone_whatever_the_umask(
    state: Path, generation: Generation
) -> None:
    with making.umask(0):
        bundles.save(state, generation)

    folder = state / "bundles" / "mail" / "1"
    assert {entry.stat().st_mode & 0o777 for entry in folder.iterdir()} == {0o600}
    assert {p.stat().st_mode & 0o777 for p in (folder, folder.parent)} == {0o700}


def test_no_part_of_a_key_is_shown(generation: Generation) -> None:
    secret = generation.pairs[0].key_pem.decode().splitlines()[1]

    assert secret not in repr(generation)


def test_a_second_save_of_a_number_leaves_the_first(state: Path, generation: Generation) -> None:
    bundles.save(state, generation)

    with pytest.raises(Obstacle, match="cannot store mail/1"):
        bundles.save(state, generation)

    assert bundles.load(state, "mail") == generation
    assert [p.name for p in (state / "bundles" / "mail").iterdir()] == ["1"]


@pytest.mark.parametrize("number", [None, 7])
def test_what_is_not_there_is_named_with_the_way_to_it(state: Path, number: int | None) -> None:
    with pytest.raises(Obstacle, match="bundle 'mail' has no generation") as caught:
        bundles.load(state, "mail", number)

    assert "certcheck issue --bundle mail" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "meant"),
    [("mail", ("mail", None)), ("mail/3", ("mail", 3)), ("a.b-c/0", ("a.b-c", 0))],
)
def test_a_reference_is_read(text: str, meant: tuple[str, int | None]) -> None:
    assert bundles.reference(text) == meant


@pytest.mark.parametrize(
    "text", ["", "../x", "mail/", "mail/x", "mail/3/4", "mail/-1", "a/٣", "A", "a/" + "9" * 5000]
)
def test_a_bad_reference_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="names no bundle"):
        bundles.reference(text)


def test_damage_is_told_by_file(state: Path, generation: Generation) -> None:
    bundles.save(state, generation)
    folder = state / "bundles" / "mail" / "1"
    (folder / "chain-ecdsa.pem").write_bytes(b"")

    with pytest.raises(UnfitBundle, match=r"chain-ecdsa\.pem holds no PEM certificate"):
        bundles.load(state, "mail")

    (folder / "origin.json").write_bytes(b"{")
    with pytest.raises(Obstacle, match=r"origin\.json is damaged"):
        bundles.load(state, "mail")

    (folder / "origin.json").unlink()
    with pytest.raises(Obstacle, match="cannot read"):
        bundles.load(state, "mail")


def test_what_a_killed_save_left_is_removed(state: Path, generation: Generation) -> None:
    bundles.save(state, generation)
    killed = state / "bundles" / "mail" / ".new-abc"
    killed.mkdir()
    (killed / "key.pem").write_bytes(b"a key")

    bundles.save(state, replace(generation, number=2))

    assert not killed.exists()
