"""Our own command lines, and what each of them saw."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from certcheck.lab.plan import HOST
from tests.bench.measure import Job, Output, Seen, by_version
from tests.bench.servers import Place

_CERTCHECK = (sys.executable, "-m", "certcheck")


def start() -> Job:
    """The interpreter and the program's own start, without any work."""
    return _command("certcheck --version", ("--version",), lambda _output: Seen())


def forecast() -> Job:
    """What all known mail programs will do under 10,000 names, without asking anybody."""
    return Job(
        name="certcheck, a forecast",
        argv=(sys.executable, "-m", "tests.bench.forecast"),
        read=_own_words,
        is_python=True,
    )


def audit(place: Place, depth: str) -> Job:
    """`certcheck audit` at a depth."""
    name = f"certcheck audit --depth {depth}"
    words = ("audit", *_named(place), "--depth", depth, "--json", "--quiet")
    return _command(name, words, _run_document)


def fingerprint(place: Place) -> Job:
    """`certcheck fingerprints` of one endpoint."""
    words = ("fingerprints", *_named(place), "--json", "--quiet")
    return _command("certcheck fingerprints", words, _run_document)


def fingerprints(name: str, listed: Path, form: str, *, limit: float = 90.0, most: int = 99) -> Job:
    """`certcheck fingerprints` of a list, in the form --json or --jsonl."""
    words = ("fingerprints", f"@{listed}", form, "--quiet")
    return Job(
        name=f"certcheck fingerprints {form}{name}",
        argv=(*_CERTCHECK, *words),
        read=lambda output: leaves(output.stdout),
        is_python=True,
        limit=limit,
        most=most,
    )


def by_library(work: str, place: Place, name: str) -> Job:
    """What has no command of its own."""
    where = (place.server.scheme, place.address, str(place.server.port))
    return Job(
        name=name,
        argv=(sys.executable, "-m", "tests.bench.ours", work, *where),
        read=_own_words,
        is_python=True,
    )


def _command(name: str, words: tuple[str, ...], read: Callable[[Output], Seen]) -> Job:
    return Job(name=name, argv=(*_CERTCHECK, *words), read=read, is_python=True)


def _named(place: Place) -> tuple[str, ...]:
    server = place.server
    url = f"{server.scheme}://{HOST}:{server.port}"
    return (url, "--connect-to", f"{HOST}:{server.port}:{place.address}")


def _own_words(output: Output) -> Seen:
    said = json.loads(output.stdout)
    return Seen(
        suites=by_version(said.get("suites", {})),
        leaves=frozenset(("", each) for each in said.get("fingerprints", ())),
        profiles=said.get("hellos", 0),
        connections=said["connections"],
        doubts=len(said["doubts"]),
    )


def _run_document(output: Output) -> Seen:
    (seen,) = json.loads(output.stdout)["observations"]
    return Seen(
        suites=by_version(seen["cipher_suites"]),
        leaves=frozenset(("", leaf) for _, leaf in _leaves_in(seen, "")),
        connections=seen["connections"],
        doubts=len(seen.get("doubts", ())),
    )


def leaves(text: str) -> Seen:
    """The leaves in a run document, or in lines of JSON; raises ValueError without any."""
    try:
        documents = [json.loads(text)]
    except json.JSONDecodeError:
        documents = [json.loads(line) for line in text.splitlines()]
    found = {pair for each in documents for pair in _leaves_in(each, "")}
    if not found:
        raise ValueError("no fingerprint")
    return Seen(leaves=frozenset(found))


def _leaves_in(value: Any, address: str) -> Iterator[tuple[str, str]]:
    """Each leaf's SHA-256 with the address that serves it, wherever a form of output has them."""
    if isinstance(value, dict):
        address = value.get("address") or address
        if value.get("chain"):
            yield address, value["chain"][0]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _leaves_in(each, address)
