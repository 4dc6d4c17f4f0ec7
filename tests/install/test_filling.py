"""Which pair goes into which slot: no slot keeps an old certificate in silence."""

from pathlib import Path

import pytest

from certcheck import x509
from certcheck.errors import UnfitBundle
from certcheck.install.expected import expected
from certcheck.install.filling import Filling, Fillings, fillings
from certcheck.install.server import Slot
from certcheck.lab import pki
from certcheck.lab.pki import KeyKind
from certcheck.model.action import Cell
from certcheck.model.bundle import Generation
from certcheck.model.certificate import KeyType
from certcheck.targets import endpoint
from tests.install.slots import BOTH, HOST, MAIL, Server, installed, planned, slot
from tests.making import CA, one_file


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """One file for each kind of key, another ECDSA one, one with both, and one with garbage."""
    kinds: dict[str, KeyKind] = {"ecdsa": "ecdsa", "rsa": "rsa2048", "again": "ecdsa"}
    content = {name: CA.issue(pki.Shape(key=kind)).key_first for name, kind in kinds.items()}
    content |= {"both": content["ecdsa"] + content["rsa"], "broken": b"garbage"}
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    return {name: tmp_path / name for name in content}


def filled(*slots: Slot, generation: Generation = BOTH) -> Fillings:
    here = installed(Server(name="s", slots=slots), generation)
    return fillings([here], others=(), host=HOST)


def kinds(filling: Filling | None) -> tuple[KeyType, ...]:
    assert filling is not None
    return tuple(pair.leaf.key_type for pair in filling.pairs)


@pytest.mark.parametrize(
    ("there", "get"),
    [
        (("rsa", "ecdsa"), ("rsa", "ecdsa")),
        (("ecdsa", "rsa"), ("ecdsa", "rsa")),
        (("broken", "rsa"), ("ecdsa", "rsa")),
        (("broken", "ecdsa"), ("rsa", "ecdsa")),
        (("ecdsa", "again"), ("ecdsa", "rsa")),
    ],
)
def test_slots_side_by_side_keep_their_key_type_or_take_what_is_left(
    files: dict[str, Path], there: tuple[str, str], get: tuple[str, str]
) -> None:
    slots = [slot("s", files[name], label=name) for name in there]

    result = filled(*slots)

    assert [kinds(result[each]) for each in slots] == [(kind,) for kind in get]


def test_a_place_made_for_one_key_type_gets_that(files: dict[str, Path]) -> None:
    usual = slot("s", files["ecdsa"], label="cert")
    special = slot("s", files["broken"], label="eccert", wants="ecdsa")

    result = filled(usual, special)

    assert (kinds(result[usual]), kinds(result[special])) == (("rsa",), ("ecdsa",))


@pytest.mark.parametrize(
    ("there", "several", "get", "left_out"),
    [
        ("rsa", False, ("rsa",), ("ecdsa",)),
        ("ecdsa", False, ("ecdsa",), ("rsa",)),
        ("broken", False, ("ecdsa",), ("rsa",)),
        ("rsa", True, ("ecdsa", "rsa"), ()),
        ("both", True, ("ecdsa", "rsa"), ()),
    ],
)
def test_a_slot_alone_gets_what_it_has_room_for(
    files: dict[str, Path],
    there: str,
    several: bool,  # noqa: FBT001 - a parameter of the test
    get: tuple[str, ...],
    left_out: tuple[str, ...],
) -> None:
    alone = slot("s", files[there], several=several)

    filling = filled(alone)[alone]

    assert kinds(filling) == get
    assert filling is not None
    assert filling.left_out == left_out


def test_what_is_left_out_is_told(files: dict[str, Path]) -> None:
    result = planned(Server(name="s", slots=(slot("s", files["rsa"]),)), generation=BOTH)

    assert "s default has room for one certificate: of mail/1 the ecdsa one is left out" in (
        result.notes
    )


def test_one_file_holds_each_key_before_its_chain(files: dict[str, Path]) -> None:
    server = Server(name="s", slots=(slot("s", files["both"], several=True),))

    steps = planned(server, generation=BOTH).steps

    assert [s.data for s in steps if s.data] == [one_file(BOTH)]
    assert one_file(BOTH).index(x509.pem(BOTH.pairs[0].chain)) > 0


@pytest.mark.parametrize("names", [("rsa", "ecdsa"), ("rsa", "again"), ("both",)])
def test_a_key_type_never_keeps_its_old_certificate(
    files: dict[str, Path], names: tuple[str, ...]
) -> None:
    slots = [slot("s", files[name], label=name) for name in names]

    with pytest.raises(UnfitBundle, match="ecdsa and rsa keys, mail/1 has ecdsa") as caught:
        filled(*slots, generation=MAIL)

    assert caught.value.hint == "certcheck issue --bundle mail --key both"


def test_a_place_made_for_another_key_type_is_not_filled(files: dict[str, Path]) -> None:
    rsa = Generation(
        bundle="mail",
        number=1,
        names=BOTH.names,
        authority=BOTH.authority,
        created=BOTH.created,
        pairs=BOTH.pairs[1:],
    )

    with pytest.raises(UnfitBundle, match="needs a certificate for ecdsa keys, mail/1 has rsa"):
        filled(slot("s", files["broken"], wants="ecdsa"), generation=rsa)


def test_a_single_certificate_may_change_its_key_type(files: dict[str, Path]) -> None:
    alone = slot("s", files["rsa"])

    assert kinds(filled(alone, generation=MAIL)[alone]) == ("ecdsa",)


def test_two_slots_of_one_type_both_get_it(files: dict[str, Path]) -> None:
    slots = [slot("s", files[name], label=name) for name in ("ecdsa", "again")]

    result = filled(*slots, generation=MAIL)

    assert [kinds(result[each]) for each in slots] == [("ecdsa",), ("ecdsa",)]


def test_a_cell_expects_what_all_slots_of_its_place_will_hold(files: dict[str, Path]) -> None:
    slots = [slot("s", files[name], label=name) for name in ("rsa", "ecdsa")]
    cell = Cell(
        endpoint=endpoint("imaps://mail.example.test"), address="192.0.2.1", server_name=None
    )
    here = installed(Server(name="s", slots=tuple(slots)), BOTH)

    assert expected(cell, here, filled(*slots)) == BOTH.leaves
