"""What a watch has found, for a reader: one sentence, a table of ports, and the certificates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from certcheck.errors import listed
from certcheck.model.run import Row, Run
from certcheck.report.facts import count, duration
from certcheck.report.outline import read_endpoint, texts

_SHOWN = 3
HEADING = ("port", "handshakes", "failed", "first", "last", "longest gap", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The ports of one host at one address: its name, and a table with a heading."""

    title: str
    table: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One certificate, and from when until when each port has served it."""

    sha256: str
    spells: tuple[tuple[str, ...], ...]


def verdict(run: Run) -> str:
    """`8 ports watched for 2 min 3 s: the longest outage was 1.4 s, on SMTP …:25 at …`."""
    ports = count(run.counts.get("ports", 0), "port")
    start = f"{ports} watched for {duration(run.counts.get('watched_seconds', 0))}"
    return f"{start}: {_worst(run)}"


def is_watch(run: Run) -> bool:
    """Whether the run has watched, or tried to."""
    return run.command == "watch" and "watched_seconds" in run.counts


def is_good(run: Run) -> bool:
    """Whether nothing has failed."""
    return not run.counts.get("failed") and not any(row.get("note") for row in run.rows)


def remarks(run: Run) -> tuple[str, ...]:
    """What else is to be known: the date, and what disturbed the watch."""
    return tuple(_remarks(run))


def places(run: Run) -> tuple[Place, ...]:
    """The ports in the order of the rows, those of one host and address together."""
    found: dict[str, list[Row]] = {}
    for row in _watched(run):
        found.setdefault(_host(row), []).append(row)
    return tuple(
        Place(title=title, table=(HEADING, *(_line(run, row) for row in rows)))
        for title, rows in found.items()
    )


def leaves(run: Run) -> tuple[Leaf, ...]:
    """The certificates in the order in which they were first served."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for row in _watched(run):
        for spell in texts(row.get("certificates")):
            sha256, since, until = spell.split()
            found.setdefault(sha256, []).append((since, until, _label(row)))
    first = sorted(found.items(), key=lambda each: min(since for since, *_ in each[1]))
    return tuple(
        Leaf(sha256=sha256, spells=tuple(_spells(run, spells, len(found))))
        for sha256, spells in first
    )


def _worst(run: Run) -> str:
    rows = tuple(_watched(run))
    if not rows:
        return "nothing was seen"
    if run.counts.get("handshakes") == run.counts.get("failed"):
        return "no handshake was ever good"
    if not run.counts.get("failed"):
        return "no handshake failed"
    row = max(rows, key=_gap)
    still = ", and it goes on" if row.get("still_away") else ""
    return f"the longest outage was {duration(_gap(row))}, on {_label(row)}{still}"


def _remarks(run: Run) -> Iterator[str]:
    yield f"from {run.started:%Y-%m-%d %H:%M:%S} to {_end(run)}; times are UTC"
    if asleep := run.counts.get("unwatched_seconds"):
        yield f"not watched for {duration(asleep)}, while the watching host slept"
    if jumps := run.counts.get("clock_jumps"):
        yield f"the clock of the watching host was set {count(jumps, 'time')} meanwhile"
    for row in run.rows:
        if row.get("note"):
            yield f"{_label(row)} was not watched: {row['note']}"
        if left_out := row.get("certificates_left_out"):
            yield f"{_label(row)}: {left_out} changes of certificate are left out"


def _end(run: Run) -> str:
    same = run.started.date() == run.finished.date()
    return f"{run.finished:%H:%M:%S}" if same else f"{run.finished:%Y-%m-%d %H:%M:%S}"


def _watched(run: Run) -> Iterator[Row]:
    return (row for row in run.rows if "handshakes" in row)


def _line(run: Run, row: Row) -> tuple[str, ...]:
    still = "+" if row.get("still_away") else ""
    return (
        _service(row),
        str(row["handshakes"]),
        str(row["failed"]),
        _time(run, row.get("first_failure")),
        _time(run, row.get("last_failure")),
        f"{duration(_gap(row))}{still}" if row["failed"] else "",
        listed([each.replace("_", " ") for each in texts(row.get("failures"))], most=_SHOWN),
    )


def _spells(
    run: Run, spells: Sequence[tuple[str, str, str]], certificates: int
) -> Iterator[tuple[str, ...]]:
    if certificates == 1:
        yield (f"on {count(len(spells), 'port')}, and no other",)
        return
    for since, until, where in spells:
        yield (f"{_time(run, since)} to {_time(run, until)}", where)


def _time(run: Run, stamp: object) -> str:
    """`22:14:03`, or `11-27 22:14:03` where that alone could mean two moments."""
    text = str(stamp or "")
    day, _, time = text.removesuffix("Z").partition("T")
    return (
        time if run.finished - run.started < timedelta(days=1) or not text else f"{day[5:]} {time}"
    )


def _gap(row: Row) -> float:
    gap = row.get("longest_gap_seconds")
    return gap if isinstance(gap, float) else 0.0


def _service(row: Row) -> str:
    read = read_endpoint(str(row["endpoint"]))
    return f"{read.scheme.upper()} {read.port}" if read else str(row["endpoint"])


def _host(row: Row, port: str = "") -> str:
    read = read_endpoint(str(row["endpoint"]))
    host = str(read.host) if read else ""
    address = str(row.get("address") or "")
    place = f"{host}:{port}" if port else host
    return place if address in {"", host.strip("[]")} else f"{place} at {address}"


def _label(row: Row) -> str:
    read = read_endpoint(str(row["endpoint"]))
    port = f"{read.port}" if read else ""
    return f"{_service(row).removesuffix(port)}{_host(row, port)}"
