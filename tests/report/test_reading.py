"""A snapshot comes back as it was written, or is refused in one line."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certcheck.errors import InputError
from certcheck.model.record import Records
from certcheck.model.run import Run
from certcheck.report import json as report
from certcheck.report.reading import sealed, snapshot
from tests.conftest import SCHEMA
from tests.report import runs, verifications


def _still(run: Run) -> Run:
    observations = tuple(
        replace(o, at=None, attempts=0, transcript=(), connections=0, doubts=())
        for o in run.observations
    )
    dns = {"example.org": {"mx": Records(status="found", records=("10 mail.example.org.",))}}
    return replace(run, observations=observations, dns=dns)


def _written(run: Run) -> bytes:
    stream = io.BytesIO()
    report.write(sealed(run), stream)
    return stream.getvalue()


def _edited(edit: Callable[[dict[str, Any]], object]) -> bytes:
    raw = json.loads(_written(_still(verifications.snapshot())))
    edit(raw)
    return json.dumps(raw).encode()


def test_a_snapshot_comes_back_as_it_was() -> None:
    run = _still(verifications.snapshot())

    back = snapshot(_written(run), where="before.json")

    assert report.document(back) == report.document(sealed(run))
    assert back.observations[0].deployments[0].leaf.names == runs.LEAF.names
    assert back.dns == run.dns


def test_a_snapshot_fulfils_the_schema_and_has_no_times_in_what_is_compared() -> None:
    raw = json.loads(_written(_still(verifications.snapshot())))

    jsonschema.validate(raw, SCHEMA)
    for observation in raw["observations"]:
        assert not {"at", "attempts", "transcript", "connections"} & set(observation)


def test_an_observation_of_another_command_keeps_its_times() -> None:
    raw = report.document(runs.audit())

    jsonschema.validate(raw, SCHEMA)
    assert all("at" in o and "transcript" in o for o in raw["observations"])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "cut off or no JSON"),
        (_written(_still(verifications.snapshot()))[:-200], "cut off or no JSON"),
        (b"\xff\xfe", "cut off or no JSON"),
        (b"[" * 100_000, "cut off or no JSON"),
        (b"[]", "no document of certcheck"),
        (b"{}", "no document of certcheck"),
        (_written(_still(runs.audit())), "is the result of certcheck audit, no snapshot"),
        (_edited(lambda raw: raw.update(schema="certcheck.run/2")), "by a newer certcheck"),
        (_edited(lambda raw: raw.update(schema="certcheck.lab/1")), "no document of certcheck"),
        (_edited(lambda raw: raw["observations"].pop()), "has been edited"),
        (_edited(lambda raw: raw["observations"][0].update(outcome="closed")), "has been edited"),
        (_edited(lambda raw: raw.update(id="0" * 32)), "has been edited"),
        (_edited(lambda raw: raw.update(extra=1)), "has been edited"),
    ],
)
def test_what_is_no_whole_snapshot_is_refused_by_one_clear_line(data: bytes, says: str) -> None:
    with pytest.raises(InputError) as caught:
        snapshot(data, where="before.json")

    assert caught.value.message.startswith("before.json ")
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def _resealed(edit: Callable[[dict[str, Any]], object]) -> bytes:
    # As a hostile or broken writer would: the seal fits, the content does not.
    from certcheck.report.reading import _seal

    raw = json.loads(_edited(edit))
    return json.dumps({**raw, "id": _seal(raw)}).encode()


@pytest.mark.parametrize(
    "edit",
    [
        lambda raw: raw.pop("observations"),
        lambda raw: raw.update(observations=[None]),
        lambda raw: raw.update(certificates={}),
        lambda raw: raw["observations"][0].update(outcome="splendid"),
        lambda raw: raw["observations"][0].update(cipher_suites=7),
        lambda raw: raw.update(dns={"example.org": {"mx": 1}}),
        lambda raw: raw.update(started="yesterday"),
    ],
)
def test_a_sealed_document_with_other_content_is_damaged(
    edit: Callable[[dict[str, Any]], object],
) -> None:
    with pytest.raises(InputError, match=r"before\.json is damaged"):
        snapshot(_resealed(edit), where="before.json")


@given(data=st.binary(max_size=200))
def test_no_bytes_are_ever_taken_for_a_snapshot(data: bytes) -> None:
    with pytest.raises(InputError):
        snapshot(data, where="x")


@given(
    place=st.integers(min_value=0, max_value=len(_written(_still(verifications.snapshot()))) - 1),
    byte=st.integers(min_value=32, max_value=126),
)
def test_no_single_byte_can_be_changed_unnoticed(place: int, byte: int) -> None:
    data = bytearray(_written(_still(verifications.snapshot())))
    data[place] = byte
    original, now = json.loads(_written(_still(verifications.snapshot()))), bytes(data)
    try:
        same = json.loads(now) == original
    except ValueError:
        same = False

    if same:
        assert snapshot(now, where="x").id == original["id"]
        return
    with pytest.raises(InputError):
        snapshot(now, where="x")
