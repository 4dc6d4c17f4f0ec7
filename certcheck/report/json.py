"""One run as one JSON document, and the JSON Schema that every such document fulfils."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import singledispatch
from typing import Any, BinaryIO

from pydantic import TypeAdapter

from certcheck.model.certificate import Certificate
from certcheck.model.run import Run

SCHEMA = "certcheck.run/1"

# The flattening rule, for documents and for their schema alike: a certificate is written once,
# under its SHA-256, and everything else refers to it; these fields stay inside certcheck.
_UNWRITTEN = {
    "Certificate": {"sha256", "der"},
    "Observation": {"doubts", "disagreements", "client_certificate"},
}

_HEX = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_TIME = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"}

# Top-level keys in their order; those that no command fills yet stand there with their empty value.
_ORDER: Mapping[str, Any] = {
    "schema": {"const": SCHEMA},
    **dict.fromkeys(("id", "command", "version", "started", "finished", "exit_code")),
    **dict.fromkeys(("error", "inputs", "bundle", "rows")),
    "certificates": {
        "type": "object",
        "propertyNames": _HEX,
        "additionalProperties": {"$ref": "#/$defs/Certificate"},
    },
    **dict.fromkeys(("observations", "findings")),
    "predictions": {"type": "array"},
    "changes": {"type": "array"},
    "actions": None,
    "mailboxes": {"type": "array"},
    "dns": {"type": "object"},
    **dict.fromkeys(("counts", "connections")),
}
_EMPTY: Mapping[str, Any] = {"predictions": [], "changes": [], "mailboxes": [], "dns": {}}

# Characters that JSON allows and that a terminal or an editor would obey.
_HOSTILE = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def document(run: Run) -> dict[str, Any]:
    """The run in the shape of the contract: plain values, certificates once, times with Z."""
    found = {each.sha256: each for each in _certificates(run)}
    certificates = {key: _fields(found[key]) for key in sorted(found)}
    values = {**_EMPTY, "schema": SCHEMA, "certificates": certificates, **_fields(run)}
    return {key: values[key] for key in _ORDER}


def write(run: Run, stream: BinaryIO) -> None:
    """The document as UTF-8 with a final newline; whatever servers sent, it is valid JSON."""
    text = json.dumps(document(run), indent=2, ensure_ascii=False, allow_nan=False)
    # Only strings hold such characters, so an escape is right wherever one stands.
    stream.write(_HOSTILE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode() + b"\n")


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `document`, made from the same dataclasses."""
    made = TypeAdapter(Run).json_schema(mode="serialization")
    parts = {name: _strict(name, part) for name, part in made.pop("$defs").items()}
    own = _strict("Run", made)["properties"]
    properties = {key: fixed or own[key] for key, fixed in _ORDER.items()}
    parts["Deployment"]["properties"]["chain"]["items"] = _HEX
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        "title": "A run of certcheck",
        "type": "object",
        "properties": properties,
        "required": list(_ORDER),
        "additionalProperties": False,
        "$defs": parts,
    }


def _certificates(run: Run) -> Iterator[Certificate]:
    for observation in run.observations:
        for deployment in observation.deployments:
            yield from deployment.chain


def _fields(value: Any) -> dict[str, Any]:
    hidden = _UNWRITTEN.get(type(value).__name__, set())
    names = (each.name for each in dataclasses.fields(value) if each.name not in hidden)
    return {name: _plain(getattr(value, name)) for name in names}


@singledispatch
def _plain(value: Any) -> Any:
    return _fields(value) if dataclasses.is_dataclass(value) else value


@_plain.register
def _(value: str) -> str:
    # A lone surrogate is no Unicode, and many readers refuse it.
    return value.encode("utf-8", "backslashreplace").decode()


@_plain.register
def _(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


@_plain.register
def _(value: Certificate) -> str:
    return value.sha256


@_plain.register
def _(value: Mapping) -> dict[str, Any]:  # type: ignore[type-arg]  # a dispatch type has no arguments
    return {_plain(key): _plain(value[key]) for key in sorted(value)}


@_plain.register
def _(value: tuple) -> list[Any]:  # type: ignore[type-arg]  # as above
    return [_plain(each) for each in value]


def _strict(name: str, part: dict[str, Any]) -> dict[str, Any]:
    if "properties" not in part:
        return part
    hidden = _UNWRITTEN.get(name, set())
    kept = {key: _tidy(value) for key, value in part["properties"].items() if key not in hidden}
    return {
        "description": part.get("description", ""),
        "type": "object",
        "properties": kept,
        "required": list(kept),  # a document leaves nothing out
        "additionalProperties": False,
    }


def _tidy(part: Any) -> Any:
    if isinstance(part, list):
        return [_tidy(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("format") == "date-time":
        return _TIME
    return {key: _tidy(value) for key, value in part.items() if key not in {"title", "default"}}
