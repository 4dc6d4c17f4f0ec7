"""An order that an earlier run has made is gone on with, or ordered anew when it is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from certcheck.errors import CaError
from certcheck.issue.order import finished
from certcheck.issue.solver import Challenge
from certcheck.store import orders
from certcheck.store.orders import Order, Presented
from tests.issue.conftest import Reply, Scripted, ScriptedMaker, problem
from tests.issue.play import SMOOTH, Script, an_authorization, an_order, begun, ordered, terms
from tests.issue.test_order import posts

VALID = an_order("valid", certificate="BASE/c")
OVER: list[Reply] = [
    an_order("invalid"),
    an_order("pending", expires="2020-01-01T00:00:00Z"),
    an_order("ready", expires="2020-01-01T00:00:00Z"),
    problem("malformed", "no such order", 404),
    problem("unauthorized", "not your order", 403),
    problem("accountDoesNotExist", "who are you", 400),
    Reply(status=404, body=b"gone"),
]


def resumable(ca: Scripted, state: Path) -> Order:
    order = begun(state, ca.authority.directory)
    order.ordered(f"{ca.base}/o")
    return order


@pytest.mark.parametrize(
    ("standings", "finalized"),
    [
        ((VALID,), 0),
        ((an_order("processing"), an_order("processing"), VALID), 0),
        ((an_order("ready"), an_order("ready"), an_order("processing"), VALID), 1),
        ((an_order("pending"), an_order("pending"), an_order("ready"), VALID), 1),
    ],
)
def test_an_order_is_gone_on_with_where_it_stands(
    scripted: ScriptedMaker, tmp_path: Path, standings: tuple[Reply, ...], finalized: int
) -> None:
    ca = scripted({**SMOOTH, "/o": standings})
    order = resumable(ca, tmp_path)

    got = ordered(ca, tmp_path, order=order)

    assert got.order is order
    assert (posts(ca, "/newOrder"), posts(ca, "/f")) == (0, finalized)
    assert not order.closed  # until its certificate is stored


@pytest.mark.parametrize("standing", OVER)
def test_an_order_that_is_over_is_made_anew(
    scripted: ScriptedMaker, tmp_path: Path, standing: Reply
) -> None:
    afterwards = (standing, an_order("pending"), an_order("ready"), VALID)
    ca = scripted({**SMOOTH, "/o": afterwards})
    order = resumable(ca, tmp_path)
    told: list[str] = []

    got = ordered(ca, tmp_path, order=order, progress=told.append)

    assert got.order is not order
    assert order.closed
    assert posts(ca, "/newOrder") == 1
    assert any(line.endswith("; ordering anew") for line in told)


def test_an_authorization_that_failed_meanwhile_is_asked_for_anew(
    scripted: ScriptedMaker, tmp_path: Path
) -> None:
    standings = (an_order("pending"), an_order("pending"), an_order("ready"), VALID)
    authorizations = (
        an_authorization("pending"),
        an_authorization("invalid"),
        an_authorization("pending"),
        an_authorization("valid"),
    )
    ca = scripted({**SMOOTH, "/o": standings, "/z": authorizations})
    order = resumable(ca, tmp_path)

    assert ordered(ca, tmp_path, order=order).order is not order
    assert order.closed


@pytest.mark.parametrize("trouble", [Reply(status=500), problem("rateLimited", "slowly", 429)])
def test_an_order_stays_open_while_the_authority_is_in_trouble(
    scripted: ScriptedMaker, tmp_path: Path, trouble: Reply
) -> None:
    ca = scripted({**SMOOTH, "/o": trouble})
    order = resumable(ca, tmp_path)

    with pytest.raises(CaError):
        ordered(ca, tmp_path, order=order)

    assert not order.closed
    assert posts(ca, "/newOrder") == 0


@pytest.mark.parametrize(
    "change",
    [
        {"/newOrder": problem("rejectedIdentifier", "not that name")},
        {"/z": (an_authorization("pending"), an_authorization("invalid"))},
        {"/z": an_authorization("pending", type="odd-01")},
        {"/f": problem("badCSR", "the key is weak")},
        {"/o": (an_order("pending"), an_order("ready"), an_order("invalid"))},
        {"/c": Reply(body=b"no certificate")},
        {"/c": Reply(status=404)},
    ],
)
def test_what_the_authority_refuses_is_not_gone_on_with(
    scripted: ScriptedMaker, tmp_path: Path, change: Script
) -> None:
    ca = scripted({**SMOOTH, **change})
    order = begun(tmp_path, ca.authority.directory)

    with pytest.raises(CaError):
        ordered(ca, tmp_path, order=order)

    assert order.closed


@pytest.mark.parametrize("standing", [*OVER, an_order("pending")])
def test_recovery_drops_what_takes_a_new_proof(
    scripted: ScriptedMaker, tmp_path: Path, standing: Reply
) -> None:
    ca = scripted({**SMOOTH, "/o": standing})
    order = resumable(ca, tmp_path)

    assert finished(order, terms(ca.authority, tmp_path)) is None
    assert order.closed
    assert posts(ca, "/newOrder") == 0


def test_recovery_finishes_what_is_proved(scripted: ScriptedMaker, tmp_path: Path) -> None:
    ca = scripted({**SMOOTH, "/o": (an_order("ready"), an_order("ready"), VALID)})
    order = resumable(ca, tmp_path)

    got = finished(order, terms(ca.authority, tmp_path))

    assert got is not None
    assert got.chain
    assert posts(ca, "/f") == 1


class Watching:
    """A solver that looks whether each challenge is written down when it is presented."""

    kind = "http-01"
    place = "nowhere"

    def __init__(self, order: Order) -> None:
        self._order = order
        self.noted: list[bool] = []

    @contextmanager
    def presented(self, challenge: Challenge) -> Iterator[None]:
        self.noted.append(challenge.token in {each.token for each in self._on_disk()})
        yield
        self.noted.append(challenge.token in {each.token for each in self._on_disk()})

    def ready(self) -> None:
        pass

    def take_down(self, challenge: Challenge) -> None:
        pytest.fail(f"{challenge.name} was left")

    def _on_disk(self) -> tuple[Presented, ...]:
        (found,) = orders.unfinished(self._order.folder.parent.parent)
        return found.leftovers


def test_a_challenge_is_written_down_while_it_is_presented(
    scripted: ScriptedMaker, tmp_path: Path
) -> None:
    ca = scripted(SMOOTH)
    order = begun(tmp_path, ca.authority.directory)
    solver = Watching(order)

    ordered(ca, tmp_path, order=order, solver=solver)

    assert solver.noted == [True, True]
    assert order.leftovers == ()
