"""docs/performance.md: the figures of one whole run, and how to read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.bench.hot import Hot
from tests.bench.rows import SWEEP, SWEEP_AT_MOST
from tests.bench.table import Result, Row, Verdict, compared, verdicts, words

_RTT = 0.04
_COLUMNS = (
    *("tool", "time (fastest to slowest)", "runs", "net", "processor", "memory", "connections"),
    *("saw", "against ours"),
)

_TEMPLATE = Path(__file__).with_name("template.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One whole run."""

    machine: Sequence[tuple[str, str]]
    load: str
    seconds: float
    results: Sequence[tuple[Row, Sequence[Result]]]
    profiles: Sequence[Hot]


def rendered(bench: Bench) -> str:
    """The whole page."""
    found = [verdict for row, results in bench.results for verdict in verdicts(row, results)]
    template = Template(_TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        machine=_machine(bench),
        ratios=_goals(bench, found),
        missed=_missed([each for each in found if not each.reached]),
        figures="\n".join(_table(row, results) for row, results in bench.results),
        profiles=_profiles(bench.profiles),
    )


def _machine(bench: Bench) -> str:
    lines = [f"* {name}: {value}" for name, value in bench.machine]
    last = f"* load before the first row {bench.load}; the whole bench took {bench.seconds:.0f} s"
    return "\n".join((*lines, last))


def _goals(bench: Bench, found: Sequence[Verdict]) -> str:
    lines = [
        "| work | where | certcheck | peer | its time | ratio | goal | reached | what both saw |",
        f"|{'---|' * 9}",
    ]
    lines += [_goal(each) for each in found]
    lines += [_bounded(row, results[0]) for row, results in bench.results if row.seconds]
    lines += [_grown(results) for row, results in bench.results if row.key == SWEEP]
    return "\n".join(lines) + "\n"


def _bounded(row: Row, ours: Result) -> str:
    time = f"{ours.wall:.2f} s" if ours.worked else _trouble(ours)
    is_reached = _reached(good=bool(ours.worked) and ours.wall <= row.seconds)
    goal = f"at most {row.seconds:g} s"
    return _line(row.work, "-", time, "-", "-", "-", goal, is_reached, "-")


def _goal(verdict: Verdict) -> str:
    row = verdict.row
    bound = f"at most {verdict.goal:g}" if row.most else f"at least {verdict.goal:g}"
    return _line(
        row.work,
        row.where,
        _time(row, verdict.ours),
        verdict.peer,
        _time(row, verdict.theirs),
        "no result" if verdict.ratio is None else f"{verdict.ratio:.1f}",
        bound,
        _reached(good=verdict.reached),
        verdict.difference,
    )


def _time(row: Row, result: Result) -> str:
    if not result.worked:
        return _trouble(result)
    if row.per_profile and result.seen and result.seen.profiles:
        return f"{result.net / result.seen.profiles * 1000:.1f} ms"
    return f"{result.net:.2f} s" + (" net" if result.start else "")


def _grown(results: Sequence[Result]) -> str:
    few, masses = results
    goal = f"less than {SWEEP_AT_MOST:g} MB more"
    name = "sweep, 1,000 to 100,000 targets"
    if not few.worked or not masses.worked:
        why = _trouble(few if not few.worked else masses)
        return f"| {name} | memory | {why} | - | - | - | {goal} | no | - |"
    more = masses.memory - few.memory
    sizes = f"{few.memory:.0f} to {masses.memory:.0f} MB"
    is_reached = _reached(good=more < SWEEP_AT_MOST)
    return f"| {name} | memory | {sizes} | - | - | {more:.0f} MB | {goal} | {is_reached} | - |"


def _reached(*, good: bool) -> str:
    return "yes" if good else "**no**"


def _missed(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    lines = ["## Where a goal is not reached\n"]
    for row in {id(each.row): each.row for each in verdicts}.values():
        mine = [each for each in verdicts if each.row is row]
        peers = "; ".join(each.peer for each in mine)
        where = f"{row.work}, {row.where} (against {peers})"
        lines.append(f"* {where}: {_remains(mine[0])} {row.tried}".rstrip())
    return "\n".join(lines) + "\n"


def _remains(verdict: Verdict) -> str:
    ours, row = verdict.ours, verdict.row
    if not ours.worked or not verdict.theirs.worked:
        return "there is no result to compare."
    cpu = f"{ours.cpu:.2f} s of processor time"
    if row.far is None:
        return f"of {ours.wall:.2f} s {cpu}, {ours.start:.2f} s of it the start."
    return f"{_way(ours, row.trips)}; {cpu}."


def _way(ours: Result, trips: int) -> str:
    at_once = ours.at_once or 1
    said = f"{ours.connections} connections, {at_once} at once"
    if not trips:
        return f"{said}; {ours.wall:.2f} s are {ours.wall / _RTT:.0f} round trips in a row"
    least = ours.connections * trips * _RTT / at_once
    return f"{said}, of {trips} round trips, are {least:.1f} s of {ours.wall:.1f} s"


def _table(row: Row, results: Sequence[Result]) -> str:
    lines = [
        f"### {row.work}, {row.where}\n",
        _line(*_COLUMNS),
        f"|{'---|' * len(_COLUMNS)}",
    ]
    lines += [_figures(each, results[0]) for each in results]
    return "\n".join(lines) + "\n"


def _figures(result: Result, ours: Result) -> str:
    if not result.worked:
        return _line(result.job.name, _trouble(result), *["-"] * 7)
    walls = sorted(each.wall for each in result.worked)
    at_once = f", {result.at_once} at once" if result.at_once is not None else ""
    return _line(
        result.job.name,
        f"{result.wall:.2f} s ({walls[0]:.2f} to {walls[-1]:.2f})",
        f"{len(walls)} of {len(result.samples)}",
        f"{result.net:.2f} s" if result.start else "-",
        f"{result.cpu:.2f} s",
        f"{result.memory:.0f} MB",
        f"{result.connections}{at_once}",
        words(result.seen),
        "-" if result is ours else compared(ours.seen, result.seen),
    )


def _trouble(result: Result) -> str:
    return next((each.trouble for each in result.samples if each.trouble), "not run")


def _profiles(profiles: Sequence[Hot]) -> str:
    if not profiles:
        return ""
    return "\n".join(["## Where certcheck's processor time goes\n", *_profile_lines(profiles)])


def _profile_lines(profiles: Sequence[Hot]) -> Iterator[str]:
    yield "By cProfile, which makes everything slower; own time, without waiting for the network.\n"
    for hot in profiles:
        yield f"### {hot.name}: {hot.seconds:.2f} s\n"
        yield "| share | seconds | calls | place |\n|---|---|---|---|"
        for place, seconds, calls in hot.places:
            yield f"| {seconds / hot.seconds:.0%} | {seconds:.2f} | {calls} | `{place}` |"
        yield ""


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
