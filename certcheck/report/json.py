"""One run as one JSON document, and the JSON Schema that every such document fulfils."""

import dataclasses
import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from certcheck.model.certificate import Certificate
from certcheck.model.observation import Observation, Outcome

if TYPE_CHECKING:
    from certcheck.model.run import Run

SCHEMA = "certcheck.run/1"
ROW_SCHEMA = "certcheck.observation/1"
ROW_START = b'{"schema": "certcheck.observation/1", '

# The flattening rule, for documents and for their schema alike: a certificate is written once,
# under its SHA-256, and everything else refers to it; these fields stay inside certcheck.
_UNWRITTEN = {
    "Certificate": {"sha256", "der", "key_id"},
    "Folder": {"earlier"},
    "Pop3Mailbox": {"uidls"},
    "Observation": {"doubts", "disagreements", "client_certificate", "knocks"},
}

# What differs from one look to the next is left out of a snapshot: that has no `at`.
_OF_ONE_LOOK = {"Observation": {"at", "attempts", "transcript", "connections"}}

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
    **dict.fromkeys(("observations", "findings", "predictions", "changes")),
    **dict.fromkeys(("actions", "mailboxes", "dns", "counts", "connections")),
}

# Characters that JSON allows and that a terminal or an editor would obey.
_HOSTILE = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def document(run: "Run") -> dict[str, Any]:
    """The run in the shape of the contract: plain values, certificates once, times with Z."""
    found = {each.sha256: each for each in _certificates(run)}
    certificates = {key: _fields(found[key]) for key in sorted(found)}
    values = {"schema": SCHEMA, "certificates": certificates, **_fields(run)}
    return {key: values[key] for key in _ORDER}


def write(run: "Run", stream: BinaryIO) -> None:
    """The document as UTF-8 with a final newline; whatever servers sent, it is valid JSON."""
    text = json.dumps(document(run), indent=2, ensure_ascii=False, allow_nan=False)
    stream.write(_harmless(text) + b"\n")


def row(observation: Observation, *, addresses: int) -> bytes:
    """An observation by itself, as one line: the same fields, and the certificates of its chains.

    `addresses` says how many such lines its endpoint has. The line begins with ROW_START.
    """
    found = (each for deployment in observation.deployments for each in deployment.chain)
    values = {
        "schema": ROW_SCHEMA,
        **_fields(observation),
        "addresses": addresses,
        "certificates": {each.sha256: _certificate(each) for each in found},
    }
    return _harmless(json.dumps(values, ensure_ascii=False, allow_nan=False)) + b"\n"


def told(line: bytes) -> tuple[str, str | None, Outcome, int]:
    """Endpoint, address, outcome and number of addresses of a `row`; raises ValueError."""
    try:
        read = json.loads(line)
        return read["endpoint"], read["address"], read["outcome"], int(read["addresses"])
    except (KeyError, TypeError, RecursionError) as e:
        raise ValueError("no row of a sweep") from e


def row_schema() -> dict[str, Any]:
    """The JSON Schema of `row`."""
    whole = schema()
    own = whole["$defs"]["Observation"]
    properties = {
        "schema": {"const": ROW_SCHEMA},
        **own["properties"],
        "addresses": {"type": "integer", "minimum": 1},
        "certificates": whole["properties"]["certificates"],
    }
    kept = ("Capabilities", "Certificate", "Check", "Deployment", "Refusals", "Trust")
    return {
        "$schema": whole["$schema"],
        "$id": ROW_SCHEMA,
        "title": "A line of certcheck fingerprints --jsonl",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "$defs": {name: whole["$defs"][name] for name in kept},
    }


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `document`, made from the same dataclasses."""
    from pydantic import TypeAdapter

    from certcheck.model.run import Run

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


def _harmless(text: str) -> bytes:
    # Only strings hold such characters, so an escape is right wherever one stands.
    return _HOSTILE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


@functools.lru_cache(maxsize=128)
def _certificate(certificate: Certificate) -> dict[str, Any]:
    return _fields(certificate)


def _certificates(run: "Run") -> Iterator[Certificate]:
    for observation in run.observations:
        for deployment in observation.deployments:
            yield from deployment.chain


def _fields(value: Any) -> dict[str, Any]:
    kind = value.__class__
    names = _names(kind)
    if kind.__name__ in _OF_ONE_LOOK and value.at is None:
        loose = _OF_ONE_LOOK[kind.__name__]
        names = tuple(each for each in names if each[1] not in loose)
    return {key: _plain(getattr(value, name)) for key, name in names}


@functools.cache
def _names(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    """Each field that is written, as its key in JSON and as its name."""
    hidden = _UNWRITTEN.get(kind.__name__, set())
    names = (each.name for each in dataclasses.fields(kind))
    return tuple((_key(name), name) for name in names if name not in hidden)


def _key(name: str) -> str:
    # `class` cannot be the name of a field in Python.
    return name.removesuffix("_")


def _plain(value: Any) -> Any:
    return _way(value.__class__)(value)


@functools.cache
def _way(kind: type[Any]) -> Callable[[Any], Any]:
    known = (way for base, way in _WAYS.items() if issubclass(kind, base))
    return next(known, _fields if dataclasses.is_dataclass(kind) else _unchanged)


def _unchanged(value: Any) -> Any:
    return value


def _text(value: str) -> str:
    # A lone surrogate is no Unicode, and many readers refuse it.
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def _time(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _sorted(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {_plain(key): _plain(value[key]) for key in sorted(value)}


def _list(value: tuple[Any, ...]) -> list[Any]:
    return [_plain(each) for each in value]


# How a value becomes a plain one, by its type; any other dataclass by its fields.
_WAYS: Mapping[type[Any], Callable[[Any], Any]] = {
    str: _text,
    datetime: _time,
    Certificate: lambda certificate: certificate.sha256,
    Mapping: _sorted,
    tuple: _list,
}


def _strict(name: str, part: dict[str, Any]) -> dict[str, Any]:
    if "properties" not in part:
        return part
    hidden = _UNWRITTEN.get(name, set())
    kept = {
        _key(own): _tidy(value) for own, value in part["properties"].items() if own not in hidden
    }
    loose = _OF_ONE_LOOK.get(name, set())
    if loose:
        kept["at"] = _TIME
    return {
        "description": part.get("description", ""),
        "type": "object",
        "properties": kept,
        "required": [key for key in kept if key not in loose],  # a document leaves nothing else out
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
