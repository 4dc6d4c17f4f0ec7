"""One run as one HTML file: nothing is fetched, it prints on A4, and a phone can show it."""

from datetime import UTC
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, TextIO

from certcheck.model.certificate import colons
from certcheck.model.run import Run
from certcheck.report import outages, outline, programs, verified
from certcheck.report.text import safe

if TYPE_CHECKING:
    from jinja2 import Template


def write(run: Run, stream: TextIO) -> None:
    """The run as a page of its own; whatever servers sent stands there as text."""
    stream.write(_template().render(_parts(run)))
    stream.write("\n")


@cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("certcheck.report"),
        autoescape=True,
        finalize=_printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def _printable(value: Any) -> Any:
    # Markup is a str, too: that of our own template, which is left as it is.
    return safe(value) if type(value) is str else value


def _parts(run: Run) -> dict[str, Any]:
    when = f"{run.finished.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    nothing: dict[str, Any] = dict.fromkeys(
        ("classes", "open_points", "desk", "certificates", "tables", "blocks", "served"), ()
    )
    nothing |= dict.fromkeys(("steps", "rows", "records", "groups", "legs", "leaves"), ())
    nothing |= {"programs": "", "matrices": (), "cases": (), "advice": ()}
    usual = {"run": run, "when": when, "colons": colons, "field_title": verified.field_title}
    if run.command in {"snapshot", "verify"} and run.observations:
        return {**nothing, **usual, **_verified(run)}
    if outages.is_watch(run):
        return {**nothing, **usual, **_watch(run)}
    return {**nothing, **usual, **_other(run)}


def _verified(run: Run) -> dict[str, Any]:
    if run.command == "snapshot":
        return {
            "verdict": verified.kept(run),
            "mood": _mood(run),
            "open_points": verified.open_points(run),
        }
    by_class = groupby(verified.told(run), key=verified.title)
    return {
        "verdict": verified.verdict(run),
        "mood": _mood(run),
        "classes": [(title, list(changes)) for title, changes in by_class],
        "open_points": verified.open_points(run),
        "desk": verified.desk(run),
        "certificates": verified.certificates(run),
        "legs": verified.legs(run),
        "tables": verified.tables(run),
    }


def _watch(run: Run) -> dict[str, Any]:
    return {
        "verdict": outages.verdict(run),
        "mood": "good" if outages.is_good(run) else "bad",
        "desk": (),
        "open_points": outages.remarks(run),
        "tables": tuple((place.title, place.table) for place in outages.places(run)),
        "leaves": outages.leaves(run),
    }


def _other(run: Run) -> dict[str, Any]:
    looked = run.command == "audit"
    columns = ("step", "state", "server", "what", "where")
    return {
        "verdict": outline.verdict(run) if looked else "",
        "mood": _mood(run),
        "blocks": outline.blocks(run) if looked else (),
        **_programs(run),
        "served": outline.fingerprints(run) if run.command == "fingerprints" else (),
        "steps": (columns, *outline.steps(run)) if run.actions else (),
        **_rows(run),
        "groups": outline.groups(run),
    }


def _programs(run: Run) -> dict[str, Any]:
    if not run.predictions:
        return {}
    return {
        "programs": programs.summary(run),
        "programs_mood": {"locked_out": "bad", "connects": "good"}.get(programs.worst(run), "open"),
        "matrices": programs.matrices(run),
        "cases": [(programs.TITLES[each.result], each) for each in programs.cases(run)],
        "advice": programs.advised(run),
    }


def _rows(run: Run) -> dict[str, Any]:
    if outline.is_discovery(run.rows):
        return {"rows": outline.names(run.rows), "open_points": outline.remarks(run.rows)}
    rows = outline.plain_rows(run)
    if rows and outline.is_wide(rows):
        return {"records": outline.records(rows)}
    return {"rows": outline.table(rows) if rows else ()}


def _mood(run: Run) -> str:
    return {0: "good", 3: "open"}.get(run.exit_code, "bad")
