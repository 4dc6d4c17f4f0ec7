"""What mail programs will do, as a reader needs it: who is locked out, who is asked, who is not."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from string import ascii_lowercase

from certcheck.errors import listed
from certcheck.model.endpoint import Endpoint
from certcheck.model.prediction import Prediction, Result
from certcheck.model.run import Row, Run
from certcheck.report.facts import count
from certcheck.report.outline import texts
from certcheck.targets import endpoint

# From the worst to the best: what a program does at its worst port is what its owner notices.
_RANKS: Sequence[Result] = ("locked_out", "asks", "unknown", "connects")
CELLS: Mapping[Result | None, str] = {
    "connects": "ok",
    "asks": "asks",
    "locked_out": "OUT",
    "unknown": "?",
    None: "-",
}
TITLES: Mapping[Result, str] = {
    "locked_out": "Locked out",
    "asks": "Asked",
    "unknown": "Not known",
    "connects": "Silent",
}
_GROUPS: Mapping[str, str] = {
    "outlook": "Outlook",
    "windows": "Other programs on Windows",
    "apple": "Mail on Apple devices",
    "thunderbird": "Thunderbird",
    "android": "Apps on Android",
    "linux": "Programs on Linux",
    "script": "Scripts and libraries",
    "device": "Devices",
    "server": "Other mail servers",
}
_SERVICES = {"imap": "IMAP", "pop3": "POP3", "smtp": "SMTP"}
_NAMED = 40
_HASHES: Sequence[str] = ("SHA-256", "SHA-1", "MD5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Programs that fare alike at all columns of a matrix."""

    cells: tuple[str, ...]
    result: Result
    programs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Programs against the ports of one host; ports where all fare alike share a column."""

    title: str
    columns: tuple[tuple[str, str], ...]
    groups: tuple[tuple[str, tuple[Line, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Programs that do the same for the same reason, and the fingerprints that they show."""

    result: Result
    programs: str
    reason: str
    times: str
    fingerprints: tuple[tuple[str, str, str], ...]


def summary(run: Run) -> str:
    """Who is locked out, by name; then how much is not known; then the others, counted."""
    by_client = _by_client(run.predictions)
    worst = {client: _worst(each) for client, each in by_client.items()}
    out = [each[0] for client, each in by_client.items() if worst[client] == "locked_out"]
    numbers = {result: sum(each == result for each in worst.values()) for result in _RANKS}
    whole = f"{numbers['unknown']} of {count(len(worst), 'mail program')}"
    return (
        f"Locked out: {_names(out, most=_NAMED) or 'none that is known'}. "
        f"Not known: {whole}. "
        f"{numbers['asks']} will ask, {numbers['connects']} connect silently."
    )


def worst(run: Run) -> Result:
    """The worst that happens to any program."""
    return min((each.result for each in run.predictions), key=_RANKS.index, default="connects")


def matrices(run: Run) -> tuple[Matrix, ...]:
    """One for each host name, in the order of the observations."""
    hosts: dict[str, list[Prediction]] = {}
    for each in run.predictions:
        hosts.setdefault(str(endpoint(each.endpoint).host), []).append(each)
    return tuple(_matrix(host, predictions) for host, predictions in hosts.items())


def _matrix(host: str, predictions: Sequence[Prediction]) -> Matrix:
    ports = {(each.endpoint, each.address): None for each in predictions}
    by_client = _by_client(predictions)
    fares = {
        client: {(p.endpoint, p.address): p.result for p in each}
        for client, each in by_client.items()
    }
    columns: dict[tuple[Result | None, ...], list[tuple[str, str | None]]] = {}
    for port in ports:
        columns.setdefault(tuple(fare.get(port) for fare in fares.values()), []).append(port)
    lines: dict[tuple[str, tuple[Result | None, ...]], list[Prediction]] = {}
    for number, (client, each) in enumerate(by_client.items()):
        cells = tuple(column[number] for column in columns)
        lines.setdefault((each[0].group, cells), []).append(by_client[client][0])
    return Matrix(
        title=host,
        columns=tuple(zip(ascii_lowercase, map(_ports, columns.values()), strict=False)),
        groups=tuple(
            (_GROUPS[group], tuple(_line(key[1], lines[key]) for key in keys))
            for group, keys in groupby(
                sorted(lines, key=lambda key: (list(_GROUPS).index(key[0]), _rank(key[1]))),
                key=lambda key: key[0],
            )
        ),
    )


def _line(cells: Sequence[Result | None], programs: Sequence[Prediction]) -> Line:
    return Line(
        cells=tuple(CELLS[each] for each in cells),
        result=_RANKS[_rank(cells)],
        programs=_names(programs),
    )


def _rank(cells: Iterable[Result | None]) -> int:
    return min(_RANKS.index(each) for each in cells if each is not None)


def _ports(ports: Sequence[tuple[str, str | None]]) -> str:
    services: dict[str, dict[str, None]] = {}
    several = len({address for _, address in ports}) > 1
    for url, address in ports:
        service: Endpoint = endpoint(url)
        where = f"{service.port} at {address}" if several and address else str(service.port)
        services.setdefault(_SERVICES[service.protocol], {})[where] = None
    return "; ".join(f"{name} {', '.join(where)}" for name, where in services.items())


def cases(run: Run) -> tuple[Case, ...]:
    """Who is locked out or asked, and why; those who are locked out first."""
    found: dict[tuple[Result, str, str], list[list[Prediction]]] = {}
    for each in _by_client(run.predictions).values():
        result = _worst(each)
        if result in ("locked_out", "asks"):
            bad = [p for p in each if p.result == result]
            times = _times(bad) if result == "asks" else ""
            found.setdefault((result, bad[0].reason, times), []).append(bad)
    ordered = sorted(found, key=lambda key: _RANKS.index(key[0]))
    return tuple(_case(key, found[key]) for key in ordered)


def _case(key: tuple[Result, str, str], programs: Sequence[Sequence[Prediction]]) -> Case:
    result, reason, times = key
    shown = {
        ("new", f.hash, f.text): None
        for of_one in programs
        for p in of_one
        for f in sorted(p.fingerprints, key=lambda each: _HASHES.index(each.hash))
        if f.text
    }
    return Case(
        result=result,
        programs=_names([of_one[0] for of_one in programs]),
        reason=reason,
        times=times,
        fingerprints=tuple(shown) if result == "asks" else (),
    )


def _times(asked: Sequence[Prediction]) -> str:
    """How often a program asks, by what its exceptions hold for."""
    protocols = {_SERVICES[endpoint(p.endpoint).protocol] for p in asked}
    receiving = " or ".join(sorted(protocols - {"SMTP"}))
    both = bool(receiving) and "SMTP" in protocols
    once = "once"
    match asked[0].scope:
        case "host":
            return once
        case "session":
            return "at each start"
        case "unknown":
            return ""
        case _:
            return f"twice, for {receiving} and for SMTP" if both else once


def _by_client(predictions: Iterable[Prediction]) -> dict[str, list[Prediction]]:
    found: dict[str, list[Prediction]] = {}
    for each in predictions:
        found.setdefault(each.client, []).append(each)
    return found


def _worst(predictions: Iterable[Prediction]) -> Result:
    return min((each.result for each in predictions), key=_RANKS.index)


def _names(programs: Sequence[Prediction], most: int | None = None) -> str:
    """`Outlook 2010, 2013 (Windows 7), Mail (iOS 9, iOS 10)`: platforms of one program together."""
    platforms: dict[str, dict[str, None]] = {}
    for each in sorted(programs, key=lambda each: (_natural(each.name), _natural(each.platform))):
        platforms.setdefault(each.name, {})[each.platform] = None
    by_platforms: dict[tuple[str, ...], list[str]] = {}
    for name, where in platforms.items():
        by_platforms.setdefault(tuple(filter(None, where)), []).append(name)
    texts = [
        ", ".join(_shortened(names)) + (f" ({', '.join(_shortened(where))})" if where else "")
        for where, names in by_platforms.items()
    ]
    return listed(texts, most=most or len(texts), between="; ")


def _natural(text: str) -> tuple[tuple[str, float], ...]:
    # Android 9 comes before Android 10, and macOS 10.9 before 10.10.
    words = re.findall(r"\d+|[^\d.]+", text)
    return tuple(("", int(word)) if word.isdigit() else (word, 0) for word in words)


def _shortened(names: Sequence[str]) -> Iterator[str]:
    # Outlook 2010, 2013: the same word is said once.
    last = ""
    for name in names:
        program, _, version = name.rpartition(" ")
        same = bool(program) and program == last and version[:1].isdigit()
        yield version if same else name
        last = program


def advised(run: Run) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Changes that let locked-out programs in: what, then who, the settings, and the price."""
    known = {each.client: each for each in run.predictions}
    return tuple(
        (str(row["advice"]), tuple(_advice(row, known))) for row in run.rows if "advice" in row
    )


def _advice(row: Row, known: Mapping[str, Prediction]) -> Iterator[tuple[str, str]]:
    yield "helps", _names([known[each] for each in texts(row.get("helps"))])
    yield "costs", str(row["cost"])
    yield "Dovecot", str(row["dovecot"])
    yield "Postfix", str(row["postfix"])
