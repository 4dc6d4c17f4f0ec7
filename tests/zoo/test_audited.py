"""`certcheck audit` of the whole zoo at once, as a user runs it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from certcheck.cli.audit import Depth
from tests.conftest import SCHEMA
from tests.zoo.audience import Audited, audit, opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]

RecordProperty = Callable[[str, object], None]
DEADLINE = 420.0  # it takes half of that where four tests share two cores
MEMORY = 250 * 1024 * 1024
DEMANDS = {
    ("asks for a certificate in TLS 1.2", "note"),
    ("asks for a certificate in TLS 1.3", "note"),
    ("demands a certificate in TLS 1.2", "error"),
    ("demands a certificate in TLS 1.3", "error"),
    ("demands a certificate after STARTTLS", "error"),
}
# All that a terminal would obey, and what turns text around.
RAW = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("depth", Depth)
def test_every_animal_is_told_by_its_outcome(
    depth: Depth, tmp_path: Path, record_property: RecordProperty
) -> None:
    with opened(tmp_path) as zoo:
        done = audit(zoo, "--json", f"--depth={depth}", deadline=DEADLINE)

    record_property("measured", f"zoo at depth {depth}: {_figures(done)}")
    _is_clean(done)
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    wrong = [
        (zoo.animals[each["address"]].name, each["outcome"], each["reason"], each["detail"])
        for each in document["observations"]
        if (each["outcome"], each["reason"])
        != (zoo.animals[each["address"]].outcome, zoo.animals[each["address"]].reason)
    ]
    assert wrong == []
    found = {
        (zoo.animals[each["address"]].name, each["severity"])
        for each in document["findings"]
        if each["rule"] == "asks_for_client_certificate"
    }
    assert found == DEMANDS
    assert {each["address"] for each in document["observations"]} == zoo.animals.keys()


def test_a_terminal_survives_the_zoo(tmp_path: Path) -> None:
    # All that a smaller depth shows is among it.
    with opened(tmp_path) as zoo:
        done = audit(zoo, f"--depth={Depth.full}", deadline=DEADLINE)

    _is_clean(done)


def _is_clean(done: Audited) -> None:
    assert done.code in {1, 3}
    assert done.stdout
    for text in (done.stdout.decode(), done.stderr.decode()):
        assert RAW.findall(text) == []
        assert "Traceback" not in text
    assert done.stderr == b""
    assert done.memory < MEMORY, done.peak


def _figures(done: Audited) -> str:
    return f"{done.seconds:.1f} s, {done.memory / 1e6:.0f} MB: {dict(done.peak)}"
