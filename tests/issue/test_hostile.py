"""An authority that answers with JSON of odd types is refused in one line, never a crash."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certcheck.errors import CertcheckError
from tests.issue.conftest import Reply, Scripted, ScriptedMaker
from tests.issue.play import IDENTIFIER, SMOOTH, Script, an_authorization, an_order, ordered

pytestmark = pytest.mark.slow

ODD: tuple[Any, ...] = (
    *(None, True, 5, -1.5, "", "x", "valid", "\ud800", "\x1b[31m\r\n", "é", "x" * 5000),
    *([], [5], [None], ["x"], [[]], [{}], {}, {"a": 1}, {"type": []}, {"type": "dns", "value": 5}),
    *("http://localhost/", "https://[", "https://localhost:99999/", f"https://{'a' * 64}.test/"),
    *("https://a..b/", "https://\ud800/", "https://localhost/\x1b", "https://localhost/ x"),
)
RAW = (
    *(b"", b"[]", b"5", b"null", b'"x"', b"\xff\xfe\x00", b'{"a":NaN', b'{"status":"valid"}'),
    *(b"[" * 100_000, b'{"meta":' * 100_000, b'{"error":' * 40 + b"{}" + b"}" * 40),
    *(b'{"n":' + b"9" * 5000 + b"}", b'{"status":"\\ud800"}'),
)
TOLD = {
    "type": "urn:ietf:params:acme:error:compound",
    "title": "No",
    "detail": "two names",
    "identifier": IDENTIFIER,
    "subproblems": [
        {
            "type": "urn:ietf:params:acme:error:caa",
            "detail": "CAA forbids",
            "identifier": IDENTIFIER,
        }
    ],
}
FULL: Script = {
    "/dir": Reply(
        body={each: f"BASE/{each}" for each in ("newNonce", "newAccount", "newOrder")}
        | {"meta": {"termsOfService": "BASE/terms", "caaIdentities": ["x"], "website": "BASE/"}}
    ),
    "/newAccount": Reply(
        status=201,
        body={"status": "valid", "contact": [], "orders": "BASE/a/1/o", "key": {"kty": "EC"}},
        headers={"Location": "BASE/a/1"},
    ),
    "/newOrder": an_order(
        "pending",
        code=201,
        expires="2026-11-26T12:00:00Z",
        identifiers=[IDENTIFIER],
    ),
}
STORIES: tuple[Script, ...] = (
    SMOOTH | FULL,
    SMOOTH | FULL | {"/newOrder": Reply(status=403, body=TOLD)},
    SMOOTH | FULL | {"/z": (an_authorization("pending"), an_authorization("invalid", error=TOLD))},
    SMOOTH | FULL | {"/o": (an_order("ready"), an_order("invalid", error=TOLD))},
)

EVERY = 61

Place = tuple[int, str, int, tuple[str | int, ...]]  # story, path, which reply, where in its JSON


def inside(told: Any) -> Iterator[tuple[str | int, ...]]:
    yield ()
    parts = told.items() if isinstance(told, dict) else enumerate(told)
    for key, value in parts if isinstance(told, dict | list) else ():
        yield from ((key, *deeper) for deeper in inside(value))


def replies(reply: Reply | tuple[Reply, ...]) -> tuple[Reply, ...]:
    return (reply,) if isinstance(reply, Reply) else reply


PLACES: tuple[Place, ...] = tuple(
    (number, path, turn, where)
    for number, story in enumerate(STORIES)
    for path, several in story.items()
    for turn, reply in enumerate(replies(several))
    if not isinstance(reply.body, bytes)
    for where in inside(reply.body)
)


def changed(told: Any, where: tuple[str | int, ...], value: Any) -> Any:
    if not where:
        return value
    told = copy.copy(told)
    told[where[0]] = changed(told[where[0]], where[1:], value)
    return told


def script(place: Place, value: Any) -> Script:
    number, path, turn, where = place
    several = replies(STORIES[number][path])
    odd = replace(
        several[turn], body=json.dumps(changed(several[turn].body, where, value)).encode()
    )
    return STORIES[number] | {path: (*several[:turn], odd, *several[turn + 1 :])}


def heard(ca: Scripted, state: Path) -> list[str]:
    """Every line that an admin gets to see of an order."""
    lines: list[str] = []
    try:
        ordered(ca, state, progress=lines.append)
    except CertcheckError as e:
        lines += [e.message, e.hint]
    return lines


@pytest.mark.parametrize("turn", range(len(ODD)))
def test_a_field_of_an_odd_type_never_crashes(
    scripted: ScriptedMaker, tmp_path: Path, turn: int
) -> None:
    # Each value at some places only: an order takes its time, and all runs are to be alike.
    for number, place in enumerate(PLACES):
        if (number + turn) % EVERY == 0:
            lines = heard(scripted(script(place, ODD[turn])), tmp_path / str(number))
            assert lines
            assert [line for line in lines if not line.isprintable()] == []


@pytest.mark.parametrize("raw", RAW, ids=range(len(RAW)))
@pytest.mark.parametrize("path", ["/dir", "/newAccount", "/newOrder", "/z", "/o", "/f", "/c"])
def test_an_answer_that_is_no_json_object_never_crashes(
    scripted: ScriptedMaker, tmp_path: Path, path: str, raw: bytes
) -> None:
    lines = heard(scripted({**SMOOTH, path: Reply(body=raw)}), tmp_path)

    assert lines
    assert [line for line in lines if not line.isprintable()] == []
