"""Plans: which file gets what, in which order, and what is refused before any write."""

from pathlib import Path

import pytest

from certcheck import x509
from certcheck.errors import InputError, Obstacle
from certcheck.install.expected import expected
from certcheck.install.filling import fillings
from certcheck.model.action import Cell
from certcheck.targets import endpoint
from tests.install.slots import HOST, MAIL, OLD, SHOP, Server, installed, planned, slot
from tests.making import one_file


@pytest.fixture
def one(tmp_path: Path) -> Path:
    path = tmp_path / "chain.pem"
    path.write_bytes(OLD.key_first)
    return path


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    chain, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    chain.write_bytes(OLD.chain)
    key.write_bytes(OLD.key)
    return chain, key


def test_one_file_holds_the_key_first(one: Path) -> None:
    steps = planned(Server(name="postfix", slots=(slot("postfix", one),))).steps

    assert [s.kind for s in steps] == ["check_config", "replace_file", "reload"]
    assert [s.number for s in steps] == [1, 2, 3]
    assert steps[1].data == one_file(MAIL)


def test_of_two_files_the_key_comes_last(two: tuple[Path, Path]) -> None:
    result = planned(Server(name="dovecot", slots=(slot("dovecot", *two),)))

    assert [s.target for s in result.steps[1:3]] == [str(two[0]), str(two[1])]
    assert result.steps[1].data == x509.pem(MAIL.pairs[0].chain)
    assert result.steps[2].data == MAIL.pairs[0].key_pem
    assert "two files" in result.notes[0]
    assert "use one file" in result.notes[0]
    assert result.notes[-1] == "dovecot: ends 2 sessions"


def test_nothing_is_written_by_planning(one: Path) -> None:
    planned(Server(name="postfix", slots=(slot("postfix", one),)))

    assert one.read_bytes() == OLD.key_first


def test_no_key_is_shown_by_a_plan(one: Path) -> None:
    steps = planned(Server(name="postfix", slots=(slot("postfix", one),))).steps
    lines = (MAIL.pairs[0].key_pem + OLD.key).decode().splitlines()

    assert [line for line in lines if not line.startswith("-") and line in repr(steps)] == []


def test_a_link_is_followed(one: Path, tmp_path: Path) -> None:
    link = tmp_path / "live.pem"
    link.symlink_to(one)

    steps = planned(Server(name="postfix", slots=(slot("postfix", link),))).steps

    assert steps[1].target == str(one)


def test_a_file_of_two_servers_is_written_once_and_activated_twice(two: tuple[Path, Path]) -> None:
    first = Server(name="dovecot", slots=(slot("dovecot", *two),))
    second = Server(name="postfix", slots=(slot("postfix", *two),))

    steps = planned(first, second).steps

    assert [(s.server, s.kind) for s in steps] == [
        ("dovecot", "check_config"),
        ("postfix", "check_config"),
        ("dovecot", "replace_file"),
        ("dovecot", "replace_file"),
        ("dovecot", "reload"),
        ("postfix", "reload"),
    ]
    assert {s.chain for s in second.activated} == {two[0]}


def test_what_is_in_place_is_not_written_again(one: Path) -> None:
    one.write_bytes(one_file(MAIL))

    steps = planned(Server(name="postfix", slots=(slot("postfix", one),))).steps

    assert [s.kind for s in steps] == ["check_config", "reload"]


def test_a_slot_with_names_gets_the_bundle_that_covers_them(one: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop.pem"
    shop.write_bytes(OLD.key_first)
    named = slot("postfix", shop, names=("www.shop.test", "shop.test"))

    result = planned(Server(name="postfix", slots=(slot("postfix", one), named)), others=(SHOP,))

    assert {Path(s.target): s.data for s in result.steps if s.data} == {
        one: one_file(MAIL),
        shop: one_file(SHOP),
    }
    assert result.kept == ()


def test_a_slot_that_no_bundle_covers_is_kept(one: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(OLD.key_first)
    named = slot("postfix", other, names=("www.customer.test",))

    result = planned(Server(name="postfix", slots=(slot("postfix", one), named)), others=(SHOP,))

    assert result.kept == (named,)
    assert [s.target for s in result.steps if s.data] == [str(one)]


def test_a_file_that_must_hold_two_bundles_is_refused(one: Path) -> None:
    named = slot("postfix", one, names=("www.shop.test",))

    with pytest.raises(InputError, match=r"different things: .*mail/1.*shop/1"):
        planned(Server(name="postfix", slots=(slot("postfix", one), named)), others=(SHOP,))


def test_a_file_that_a_kept_slot_uses_is_refused(one: Path) -> None:
    named = slot("postfix", one, names=("www.customer.test",))

    with pytest.raises(InputError, match="kept"):
        planned(Server(name="postfix", slots=(slot("postfix", one), named)))


def test_a_broken_file_may_be_mended(one: Path) -> None:
    one.write_bytes(b"garbage")

    steps = planned(Server(name="postfix", slots=(slot("postfix", one),))).steps

    assert steps[1].data == one_file(MAIL)


def test_a_missing_file_is_an_obstacle(tmp_path: Path) -> None:
    with pytest.raises(Obstacle, match="cannot read"):
        planned(Server(name="postfix", slots=(slot("postfix", tmp_path / "gone"),)))


@pytest.mark.parametrize(
    ("server_name", "address", "port", "bundle"),
    [
        (None, "192.0.2.1", 993, "mail"),
        ("mail.example.test", "192.0.2.1", 993, "mail"),
        ("www.shop.test", "192.0.2.1", 993, "shop"),
        ("www.customer.test", "192.0.2.1", 993, None),
        ("www.shop.test", "192.0.2.9", 993, "shop"),
    ],
)
def test_a_cell_expects_the_bundle_of_its_most_particular_slot(
    server_name: str | None, address: str, port: int, bundle: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"")
    server = Server(
        name="dovecot",
        slots=(
            slot("dovecot", file, names=("*.shop.test",)),
            slot("dovecot", file, names=("www.customer.test",)),
            slot("dovecot", file, networks=("192.0.2.8/29",)),
            slot("dovecot", file),
        ),
    )
    cell = Cell(
        endpoint=endpoint(f"imaps://mail.example.test:{port}"),
        address=address,
        server_name=server_name,
    )

    here = installed(server)
    leaves = expected(cell, here, fillings([here], others=(SHOP,), host=HOST))

    assert leaves == {"mail": MAIL.leaves, "shop": SHOP.leaves, None: None}[bundle]
