"""A snapshot back from its file: whole, unchanged and of this version, or refused in one line."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from certcheck.errors import InputError
from certcheck.model.run import Run
from certcheck.report.json import SCHEMA, document

_AGAIN = "take it from a copy, or make a new one with certcheck snapshot"


def sealed(run: Run) -> Run:
    """The run with an id that follows from all else in its document, so that an edit shows."""
    return replace(run, id=_seal(document(run)))


def snapshot(data: bytes, *, where: str) -> Run:
    """The snapshot in `data`, which came from the file `where`.

    Raises InputError for one that is cut off, edited, of a newer certcheck, or none at all.
    """
    raw = _raw(data, where)
    name, _, version = str(raw.get("schema")).partition("/")
    ours, _, known = SCHEMA.partition("/")
    if name != ours or not version.isdigit():
        raise InputError(f"{where} is no document of certcheck", hint="give a snapshot")
    if int(version) > int(known):
        raise InputError(
            f"{where} was written by a newer certcheck ({name}/{version}; this one reads {SCHEMA})",
            hint="use that certcheck, or a newer one",
        )
    if raw.get("command") != "snapshot":
        raise InputError(
            f"{where} is the result of certcheck {raw.get('command')}, no snapshot",
            hint="make one with certcheck snapshot",
        )
    if raw.get("id") != _seal(raw):
        raise InputError(f"{where} has been edited since it was written", hint=_AGAIN)
    try:
        return _run(raw)
    except (ValidationError, KeyError, TypeError, AttributeError) as e:
        raise InputError(f"{where} is damaged: {_fault(e)}", hint=_AGAIN) from e


def _raw(data: bytes, where: str) -> dict[str, Any]:
    try:
        raw = json.loads(data.decode())
    except (ValueError, RecursionError) as e:
        raise InputError(f"{where} is cut off or no JSON: {e}", hint=_AGAIN) from e
    if not isinstance(raw, dict):
        raise InputError(f"{where} is no document of certcheck", hint="give a snapshot")
    return raw


def _seal(raw: Mapping[str, Any]) -> str:
    held = {key: value for key, value in raw.items() if key != "id"}
    text = json.dumps(held, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _run(raw: Mapping[str, Any]) -> Run:
    certificates = {key: {"sha256": key, **facts} for key, facts in raw["certificates"].items()}
    kept = {key: raw[key] for key in raw if key not in {"schema", "certificates", "predictions"}}
    kept["observations"] = [_observation(each, certificates) for each in raw["observations"]]
    return TypeAdapter(Run).validate_python(kept)


def _observation(raw: Mapping[str, Any], certificates: Mapping[str, Any]) -> dict[str, Any]:
    deployments = [
        {**each, "chain": [certificates[sha256] for sha256 in each["chain"]]}
        for each in raw["deployments"]
    ]
    return {"at": None, **raw, "deployments": deployments}


def _fault(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg']}"
    return f"{type(error).__name__} {error}"
