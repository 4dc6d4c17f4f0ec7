"""An authority that answers with JSON of odd types is refused in one line, never a crash."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certcheck.errors import CaError, CertcheckError
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


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((0, "/newOrder", 0, ("identifiers",)), 5),
        ((0, "/newOrder", 0, ("expires",)), []),
        ((0, "/newOrder", 0, ("authorizations",)), "BASE/z"),
        ((0, "/newOrder", 0, ("status",)), {}),
        ((0, "/dir", 0, ("meta",)), 5),
        ((0, "/z", 0, ("challenges", 0, "token")), 5),
        ((0, "/z", 0, ("identifier",)), [5]),
        ((3, "/o", 1, ("error",)), 5),
        ((3, "/o", 1, ("error", "subproblems")), {}),
    ],
)
def test_a_known_field_of_another_type_is_named(
    scripted: ScriptedMaker, tmp_path: Path, place: Place, value: Any
) -> None:
    ca = scripted(script(place, value))

    with pytest.raises(CaError, match=rf"not ACME: .*{place[3][-1]} is of another type"):
        ordered(ca, tmp_path)


@pytest.mark.parametrize("kind", [None, 403])
def test_the_status_of_a_problem_may_be_a_number(
    scripted: ScriptedMaker, tmp_path: Path, kind: int | None
) -> None:
    ca = scripted(script((1, "/newOrder", 0, ()), TOLD | {"status": kind, "detail": None}))

    with pytest.raises(CaError, match=r"refuses: .*CAA forbids"):
        ordered(ca, tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        *("https://[", "https://localhost:99999/", f"https://{'a' * 64}.test/", "https://a..b/"),
        *("https://localhost/ x", "https://localhost/\x1b[31m", "https://é.test/", "//localhost/"),
    ],
)
def test_a_url_that_is_none_is_refused(scripted: ScriptedMaker, tmp_path: Path, url: str) -> None:
    ca = scripted(script((0, "/newOrder", 0, ("authorizations", 0)), url))

    with pytest.raises(CaError, match=r"not HTTPS|cannot be reached") as e:
        ordered(ca, tmp_path)

    assert e.value.message.isprintable()


@pytest.mark.parametrize("raw", RAW, ids=range(len(RAW)))
@pytest.mark.parametrize("path", ["/dir", "/newAccount", "/newOrder", "/z", "/o", "/f", "/c"])
def test_an_answer_that_is_no_json_object_never_crashes(
    scripted: ScriptedMaker, tmp_path: Path, path: str, raw: bytes
) -> None:
    lines = heard(scripted({**SMOOTH, path: Reply(body=raw)}), tmp_path)

    assert lines
    assert [line for line in lines if not line.isprintable()] == []
