import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from certcheck import x509
from certcheck.lab import pki
from certcheck.lab.ports import reserved
from certcheck.model.action import Cell, CellProof, Expectation, Proof
from certcheck.model.endpoint import Hostname
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.proof import proof, served
from tests.zoo.accidents import from_number, on_bad_line
from tests.zoo.animals import says, silent
from tests.zoo.identities import context, identity
from tests.zoo.keeper import Behaviour, Visitor, kept
from tests.zoo.manners import implicit, server
from tests.zoo.visit import at

LIMITS = Limits(timeout=2.0, back_off=0.1, between_rounds=0.1)
NAME = "mail.example.test"
OLD = implicit("imap", tls=context("ecdsa", name="old.example.test"))
NEW = implicit("imap", tls=context("ecdsa"))


def leaf(key: pki.KeyKind = "ecdsa", name: str = NAME) -> str:
    return x509.chain(identity(key, name).certificate, where="the zoo")[0].sha256


@contextmanager
def cell(behaviour: Behaviour, *, server_name: str | None = NAME) -> Iterator[Cell]:
    with kept(behaviour) as place:
        yield Cell(endpoint=at(place, "imaps"), address=place.address, server_name=server_name)


def proven(behaviour: Behaviour, *leaves: str, patience: float = 0.3) -> Proof:
    with cell(behaviour) as place:
        wish = Expectation(cell=place, sha256=frozenset(leaves))
        return asyncio.run(proof([wish], gate=Gate(LIMITS), limits=LIMITS, patience=patience))


def test_the_expected_certificate_holds() -> None:
    result = proven(NEW, leaf())

    assert result.holds
    assert result.cells[0].served == ((leaf(), 22),)  # 20 handshakes, and 2 by ECDSA clients
    assert (result.cells[0].failed, result.connections) == (0, 25)


def test_starttls_and_no_sni_hold_too() -> None:
    with kept(server("smtp")) as place:
        cells = [
            Cell(endpoint=at(place, "smtp"), address=place.address, server_name=name)
            for name in (NAME, None)
        ]
        wishes = [Expectation(cell=each, sha256=frozenset({leaf()})) for each in cells]
        result = asyncio.run(proof(wishes, gate=Gate(LIMITS), limits=LIMITS))

    assert result.holds
    assert [each.handshakes for each in result.cells] == [12, 12]


def test_a_certificate_that_comes_late_is_waited_for() -> None:
    def behaviour(visitor: Visitor) -> None:
        (OLD if visitor.number < 3 else NEW)(visitor)

    assert proven(behaviour, leaf(), patience=5.0).holds


def test_the_old_certificate_is_a_complaint() -> None:
    result = proven(OLD, leaf())

    assert not result.holds
    assert len(result.complaints) == 1
    assert "still serves" in result.complaints[0]
    assert result.complaints[0].startswith(result.cells[0].cell.label)


def test_old_and_new_in_turn_is_a_complaint() -> None:
    def behaviour(visitor: Visitor) -> None:
        (OLD if visitor.number % 3 == 0 else NEW)(visitor)

    result = proven(behaviour, leaf())

    assert "serves 2 certificates in turn" in result.complaints[0]
    assert dict(result.cells[0].served).keys() == {leaf(), leaf(name="old.example.test")}


def test_an_old_rsa_certificate_beside_a_new_ecdsa_one_is_found() -> None:
    both = context("ecdsa", "rsa2048")
    result = proven(implicit("imap", tls=both), leaf())

    assert not result.holds
    assert dict(result.cells[0].served)[leaf("rsa2048")] == 2


def test_both_key_types_hold_when_both_are_expected() -> None:
    both = context("ecdsa", "rsa2048")

    assert proven(implicit("imap", tls=both), leaf(), leaf("rsa2048")).holds


def test_a_missing_key_type_is_a_complaint() -> None:
    result = proven(NEW, leaf(), leaf("rsa2048"))

    assert "does not serve" in result.complaints[0]


def test_failing_handshakes_are_a_complaint() -> None:
    result = proven(on_bad_line(NEW, "reset", from_number(4)), leaf())

    assert any("the TLS handshake fails" in text for text in result.complaints)
    assert result.cells[0].failed > 0
    assert result.cells[0].detail.startswith("handshake_failed: ")


def test_a_server_that_is_busy_once_still_holds() -> None:
    def behaviour(visitor: Visitor) -> None:
        (says(b"421 busy\r\n") if visitor.number == 5 else NEW)(visitor)

    assert proven(behaviour, leaf()).holds


def test_a_dead_port_is_a_complaint_after_patience() -> None:
    with cell(NEW) as place:
        pass
    wish = Expectation(cell=place, sha256=frozenset({leaf()}))
    result = asyncio.run(proof([wish], gate=Gate(LIMITS), limits=LIMITS, patience=0.2))

    assert len(result.complaints) == 1
    assert place.label in result.complaints[0]


def served_now(*cells: Cell) -> tuple[CellProof, ...]:
    return asyncio.run(served(cells, gate=Gate(LIMITS), limits=LIMITS))


def test_served_looks_at_each_cell() -> None:
    with cell(OLD) as gone:
        pass
    with cell(NEW) as good, cell(OLD, server_name=None) as nameless:
        rows = served_now(good, nameless, gone)

    old = leaf(name="old.example.test")
    # Once, and once more as the ECDSA clients see it.
    assert [row.served for row in rows] == [((leaf(), 2),), ((old, 2),), ()]
    assert [(row.failed, row.handshakes) for row in rows] == [(0, 2), (0, 2), (1, 1)]
    assert rows[2].detail.startswith("refused: ")


def test_served_takes_three_connections_a_cell() -> None:
    gate = Gate(LIMITS)
    with cell(NEW) as place:
        asyncio.run(served([place], gate=gate, limits=LIMITS))

    assert gate.connections == 3


def test_an_unchanged_server_with_two_keys_serves_what_it_served() -> None:
    with cell(implicit("imap", tls=context("ecdsa", "rsa2048"))) as place:
        (row,) = served_now(place)
        leaves = frozenset(leaf for leaf, _ in row.served)
        wish = Expectation(cell=place, sha256=leaves)
        result = asyncio.run(proof([wish], gate=Gate(LIMITS), limits=LIMITS))

    assert leaves == {leaf(), leaf("rsa2048")}
    assert result.holds, result.complaints


@pytest.mark.parametrize("later", [silent, Visitor.reset, says(b"* BYE no\r\n")])
def test_a_client_of_one_key_type_is_no_failure_of_the_cell(later: Behaviour) -> None:
    def behaviour(visitor: Visitor) -> None:
        (NEW if visitor.number == 1 else later)(visitor)

    with cell(behaviour) as place:
        (row,) = served_now(place)

    assert (row.served, row.failed, row.detail) == (((leaf(), 1),), 0, "")


def test_each_address_of_a_port_gets_its_ten_handshakes() -> None:
    with (
        reserved(1) as (port,),
        kept(NEW, port=port) as first,
        kept(NEW, "127.0.0.3", port) as second,
    ):
        wishes = [
            Expectation(
                cell=Cell(endpoint=at(first, "imaps"), address=place.address, server_name=NAME),
                sha256=frozenset({leaf()}),
            )
            for place in (first, second)
        ]
        result = asyncio.run(proof(wishes, gate=Gate(LIMITS), limits=LIMITS))

    assert result.holds
    assert [each.handshakes for each in result.cells] == [22, 22]


def test_two_names_share_the_ten_handshakes_of_their_port() -> None:
    other = Hostname(ascii="other.example.test", unicode="other.example.test")
    with kept(NEW) as place:
        wishes = [
            Expectation(
                cell=Cell(endpoint=each, address=place.address, server_name=NAME),
                sha256=frozenset({leaf()}),
            )
            for each in (at(place, "imaps"), at(place, "imaps", other))
        ]
        result = asyncio.run(proof(wishes, gate=Gate(LIMITS), limits=LIMITS))

    assert [each.handshakes for each in result.cells] == [12, 12]


def test_a_server_that_stays_busy_is_left_alone() -> None:
    def behaviour(visitor: Visitor) -> None:
        (says(b"421 too many\r\n") if visitor.number > 5 else NEW)(visitor)

    gate = Gate(LIMITS)
    with cell(behaviour) as place:
        wish = Expectation(cell=place, sha256=frozenset({leaf()}))
        result = asyncio.run(proof([wish], gate=gate, limits=LIMITS))

    assert any("421 too many" in text for text in result.complaints)
    assert gate.stopped(place.address) is not None
    assert result.connections <= 5 + LIMITS.per_host + 1  # who was on the way, and the slow try


def test_nothing_expected_holds() -> None:
    assert asyncio.run(proof((), gate=Gate(LIMITS), limits=LIMITS)).holds
