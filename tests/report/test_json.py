import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from certcheck.model.run import Failure, Run
from certcheck.report import json as report
from tests.report import runs

_SCHEMA = Path(__file__).parents[2] / "docs" / "run.schema.json"
_KEYS = (
    "schema id command version started finished exit_code error inputs bundle rows certificates "
    "observations findings predictions changes actions mailboxes dns counts connections"
)
_OBSERVATION_KEYS = (
    "id endpoint tls_mode address server_name at attempts outcome reason detail transcript "
    "capabilities protocols cipher_suites refusals groups preference deployments checks engines "
    "connections"
)
_HOSTILE = '\x1b[31m\x9b\u202e\u2028\udcff\x00"\\[red]:AB:</script>'


def _written(run: Run) -> str:
    stream = io.BytesIO()
    report.write(run, stream)
    return stream.getvalue().decode("utf-8")


def _hostile() -> Run:
    leaf = runs.certificate(_HOSTILE, subject=_HOSTILE, issuer=_HOSTILE)
    observation = runs.seen(
        "imap://mail.example.org:143",
        leaf,
        detail=_HOSTILE,
        transcript=(_HOSTILE,),
        cipher_suites={_HOSTILE: (_HOSTILE,)},
    )
    return runs.run(
        "audit",
        error=Failure(message=_HOSTILE, hint=_HOSTILE),
        inputs={_HOSTILE: _HOSTILE},
        observations=(observation,),
        findings=(
            runs.finding("expired", "error", observation, message=_HOSTILE, evidence=_HOSTILE),
        ),
        rows=({_HOSTILE: _HOSTILE},),
    )


@pytest.mark.parametrize(
    "run",
    [runs.audit(), runs.fingerprints(), runs.install(), runs.run("issue"), _hostile()],
    ids=["audit", "fingerprints", "install", "empty", "hostile"],
)
def test_every_document_fulfils_the_schema(run: Run) -> None:
    document = json.loads(_written(run))

    jsonschema.validate(document, report.schema(), cls=jsonschema.Draft202012Validator)
    assert document == report.document(run)
    assert list(document) == _KEYS.split()


def test_an_observation_has_the_keys_of_the_contract_and_no_doubts() -> None:
    doubted = replace(runs.audit().observations[0], doubts=("suites",))

    (observation,) = report.document(runs.run("audit", observations=(doubted,)))["observations"]

    assert list(observation) == _OBSERVATION_KEYS.split()
    assert list(observation["capabilities"]) == [
        "greeting", "before_tls", "after_tls", "auth_before_tls", "auth_after_tls", "size",
    ]  # fmt: skip


def test_a_certificate_is_written_once_and_without_its_bytes() -> None:
    document = report.document(runs.audit())

    hashes = sorted({each.sha256 for each in (runs.LEAF, runs.RSA, runs.OLD, runs.INTERMEDIATE)})
    assert list(document["certificates"]) == hashes
    assert list(document["certificates"][runs.LEAF.sha256]) == [
        "sha1", "spki_sha256", "subject", "issuer", "names", "key", "signature", "serial",
        "not_before", "not_after", "is_ca", "self_signed",
    ]  # fmt: skip
    chain = document["observations"][0]["deployments"][0]["chain"]
    assert chain == [runs.LEAF.sha256, runs.INTERMEDIATE.sha256]


def test_times_are_utc_in_whole_seconds() -> None:
    document = report.document(runs.audit())

    assert document["finished"] == "2026-11-25T12:00:00Z"
    assert document["observations"][0]["at"] == "2026-11-25T12:00:00Z"


def test_what_no_command_fills_yet_is_there_and_empty() -> None:
    document = report.document(runs.run("issue"))

    empty = {key: document[key] for key in ("predictions", "changes", "mailboxes", "dns")}
    assert empty == {"predictions": [], "changes": [], "mailboxes": [], "dns": {}}
    assert document["error"] is None


def test_hostile_text_stays_inside_its_string() -> None:
    text = _written(_hostile())

    assert text.endswith("}\n")
    assert text.replace("\n", "").isprintable()
    message = json.loads(text)["error"]["message"]
    assert message == _HOSTILE.replace("\udcff", "\\udcff")


def test_umlauts_are_written_as_they_are() -> None:
    text = _written(runs.run("issue", inputs={"names": ("straße.de",)}))

    assert "straße.de" in text


def test_the_order_of_mappings_does_not_change_the_document() -> None:
    one = runs.run("issue", inputs={"a": 1, "b": 2}, counts={"x": 1, "y": 2})
    other = runs.run("issue", inputs={"b": 2, "a": 1}, counts={"y": 2, "x": 1})

    assert _written(one) == _written(other)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("surprise",), 1),
        (("finished",), "2026-11-25T12:00:00+00:00"),
        (("finished",), "2026-11-25T12:00:00.5Z"),
        (("observations", 0, "doubts"), []),
        (("observations", 0, "outcome"), "fine"),
        (("observations", 0, "deployments", 0, "chain", 0), "AB:CD"),
        (("findings", 0, "severity"), "fatal"),
        (("certificates", "x"), {}),
    ],
)
def test_the_schema_is_strict(path: tuple[Any, ...], value: object) -> None:
    document = report.document(runs.audit())
    *way, last = path
    part: Any = document
    for step in way:
        part = part[step]

    part[last] = value

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, report.schema())


@pytest.mark.parametrize("key", _KEYS.split())
def test_every_key_is_required(key: str) -> None:
    document = report.document(runs.audit())

    del document[key]

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, report.schema())


def test_the_schema_itself_is_valid_and_in_sync() -> None:
    schema = report.schema()

    jsonschema.Draft202012Validator.check_schema(schema)
    assert _SCHEMA.read_text() == json.dumps(schema, indent=2) + "\n", "run: make docs"
