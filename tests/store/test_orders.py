"""An order under way is on the disk with its key, until nobody goes on with it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from certcheck.errors import Obstacle
from certcheck.store import journal, orders
from certcheck.store.orders import Begun, Order, Presented
from tests.store.test_journal import HEAD as INSTALLATION

KEY = b"-----BEGIN PRIVATE KEY-----\n"
HEAD = Begun(
    bundle="mail",
    names=("mail.example.test",),
    key="ecdsa",
    keys=("ecdsa",),
    directory="https://ca.example/dir",
    created=datetime(2026, 11, 25, 8, 0, tzinfo=UTC),
)
CHALLENGE = Presented(
    kind="http-01",
    place='{"port": 80}',
    name="mail.example.test",
    token="tok-EN_1",
    key_authorization="tok-EN_1.thumb",
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def order(state: Path) -> Order:
    return orders.begin(state, HEAD, KEY)


def test_an_open_order_comes_back_as_it_was_written(state: Path, order: Order) -> None:
    order.ordered("https://ca.example/order/1")
    order.present(CHALLENGE)

    (found,) = orders.unfinished(state)

    assert found == order
    assert (found.url, found.key_pem()) == ("https://ca.example/order/1", KEY)
    assert found.leftovers == (CHALLENGE,)


def test_the_key_is_for_its_owner_alone(order: Order) -> None:
    assert (order.folder / "key.pem").stat().st_mode & 0o777 == 0o600
    assert order.folder.stat().st_mode & 0o777 == 0o700
    assert KEY.decode() not in repr(order)


def test_a_closed_order_has_no_key_and_is_not_open(state: Path, order: Order) -> None:
    order.close("done")

    assert [each.name for each in order.folder.iterdir()] == ["events.jsonl"]
    assert orders.unfinished(state) == []


def test_a_challenge_that_was_taken_down_may_be_presented_again(order: Order) -> None:
    order.present(CHALLENGE)
    order.removed(CHALLENGE.token)
    between = order.leftovers

    order.present(CHALLENGE)

    assert [*between, *order.leftovers] == [CHALLENGE]


def test_orders_and_installations_are_kept_apart(state: Path, order: Order) -> None:
    book = journal.begin(state, INSTALLATION, now=HEAD.created)

    assert [each.id for each in journal.unfinished(state)] == [book.id]
    assert [each.id for each in orders.unfinished(state)] == [order.id]


def test_several_orders_of_one_second_are_several(state: Path, order: Order) -> None:
    second = orders.begin(state, HEAD, KEY)

    assert [each.id for each in orders.unfinished(state)] == [second.id, order.id]


def test_a_kill_at_any_byte_leaves_an_order_that_can_be_read(state: Path, order: Order) -> None:
    order.ordered("https://ca.example/order/1")
    order.present(CHALLENGE)
    path = order.folder / "events.jsonl"
    whole = path.read_bytes()
    head = whole.index(b"\n") + 1

    for length in range(len(whole), head - 1, -1):
        path.write_bytes(whole[:length])
        (found,) = orders.unfinished(state)
        assert 1 + len(found.events) == whole[:length].count(b"\n")


def test_a_key_without_an_order_is_removed(state: Path, order: Order) -> None:
    path = order.folder / "events.jsonl"
    path.write_bytes(path.read_bytes()[:-1])  # killed while the head was written

    assert orders.unfinished(state) == []
    assert not order.folder.exists()


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"event":"ordered","url":"https://x"}\n'])
def test_a_damaged_order_is_not_guessed_at(state: Path, order: Order, line: bytes) -> None:
    path = order.folder / "events.jsonl"
    path.write_bytes(line + path.read_bytes())

    with pytest.raises(Obstacle, match="is damaged") as caught:
        orders.unfinished(state)

    assert "move its folder away" in caught.value.hint
