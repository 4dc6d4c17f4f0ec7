"""One run for a person at a terminal: the verdict first, then what was seen, then what to do."""

import io
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from certcheck.errors import listed
from certcheck.model.certificate import colons
from certcheck.model.run import Failure, Row, Run
from certcheck.report import outages, outline, program_lines, verified
from certcheck.report.lines import Line, capped, columns, hanging, labelled, table
from certcheck.report.text import safe

_IDS_SHOWN = 4
_TABLE_SHOWN = 20
_CLASS = 12
_STYLES = {
    "error": "bold red",
    "warning": "bold yellow",
    "note": "cyan",
    "info": "dim",
    "not seen": "magenta",
    "good": "bold green",
    "label": "dim",
    "place": "bold",
    "announced": "green",
    "expected": "cyan",
    "gained": "green",
    "done": "green",
    "failed": "bold red",
    "undone": "yellow",
}


def write(run: Run, stream: TextIO, *, color: bool, width: int | None) -> None:
    """The run as text; `width` None means no terminal: then no line is broken."""
    from rich.console import Console
    from rich.text import Text

    # In memory first: at a closed pipe rich would end the program, with an exit code of its own.
    text = io.StringIO()
    console = Console(
        file=text,
        force_terminal=color,
        color_system="standard" if color else None,
        width=width or 80,
        legacy_windows=False,
    )
    for line in _lines(run, width):
        pieces = ((_writable(piece, stream), _STYLES.get(style, "")) for piece, style in line)
        # soft_wrap leaves every line as it is: a fingerprint is never broken.
        console.print(
            Text.assemble(*pieces), soft_wrap=True, markup=False, emoji=False, highlight=False
        )
    stream.write(text.getvalue())


def _lines(run: Run, width: int | None) -> Iterator[Line]:
    if run.error:
        yield from _failure(run.error, width)
    whole = _WHOLE.get(run.command) if run.observations else None
    if whole:
        yield from whole(run, width)
    elif outages.is_watch(run):
        yield from _watch(run, width)
    else:
        yield from _usual(run, width)


def _usual(run: Run, width: int | None) -> Iterator[Line]:
    discovery = outline.is_discovery(run.rows)
    if run.command == "audit" and not (run.error and not run.observations and not discovery):
        yield from _audit(run, width)
    if run.predictions:
        yield from ((),) if run.command == "audit" else ()
        yield from program_lines.lines(run, width)
    if run.actions:
        yield from columns(outline.steps(run), style_column=1)
    rows = () if discovery else outline.plain_rows(run)
    if rows and run.actions:
        yield ()
    if rows:
        yield from _records(rows) if outline.is_wide(rows) else table(outline.table(rows))
    for group in outline.groups(run):
        yield ()
        yield from _finding(group, width)


def _failure(error: Failure, width: int | None) -> Iterator[Line]:
    yield from hanging("error: ", safe(error.message), width, style="error")
    if error.hint:
        yield from hanging("       ", safe(error.hint), width)


def _fingerprints(run: Run) -> Iterator[Line]:
    for each in outline.fingerprints(run):
        yield ((safe(each.line), ""),)
        if each.certificate:
            remark = f"  ({safe(each.remark)})" if each.remark else ""
            yield ((f"    SHA-1 {colons(each.certificate.sha1)}{remark}", "label"),)


def _watch(run: Run, width: int | None) -> Iterator[Line]:
    yield ((safe(outages.verdict(run)), "good" if outages.is_good(run) else "error"),)
    for text in outages.remarks(run):
        yield from hanging("", safe(text), width)
    for place in outages.places(run):
        yield ()
        yield ((safe(place.title), "place"),)
        yield from table(place.table)
    for leaf in outages.leaves(run):
        yield ()
        yield (("SHA-256 ", "label"), (safe(colons(leaf.sha256)), ""))
        yield from (((f"  {line[0][0]}", ""),) for line in columns(leaf.spells))


def _audit(run: Run, width: int | None) -> Iterator[Line]:
    yield ((outline.verdict(run), outline.worst(run) or ("good" if run.observations else "")),)
    if outline.is_discovery(run.rows):
        yield from _discovery(run, width)
    for block in outline.blocks(run):
        yield ()
        for label in capped(block.labels):
            yield ((safe(label), "place"),)
        for name, value in block.facts:
            yield from hanging(f"  {name:<11} " if name else " " * 14, safe(value), width)


def _snapshot(run: Run, width: int | None) -> Iterator[Line]:
    yield ((verified.kept(run), "good" if verified.good(run) else "not seen"),)
    yield from _bullets("not seen", verified.open_points(run), width)


def _verified(run: Run, width: int | None) -> Iterator[Line]:
    bad = any(each.bad for each in verified.told(run)) or run.exit_code == 1
    style = "good" if verified.good(run) else "error" if bad else "not seen"
    yield from hanging("", safe(verified.verdict(run)), width, style=style, text_style=style)
    for each in verified.told(run):
        yield ()
        yield from _change(each, width)
    yield from _bullets("Still open", verified.open_points(run), width)
    for certificate in verified.certificates(run):
        yield ()
        yield ((f"{verified.certificate_title(run)} for {safe(certificate.title)}", "place"),)
        yield ((f"  SHA-256  {colons(certificate.sha256)}", ""),)
        yield ((f"  SHA-1    {colons(certificate.sha1)}", ""),)
    if legs := verified.legs(run):
        yield from ((), (("A marked message went round", "place"),), *columns(legs))
    yield from _before_and_after(run, width)


def _change(each: verified.Told, width: int | None) -> Iterator[Line]:
    first = f"{verified.title(each).lower():<{_CLASS}}"
    text = f"{verified.field_title(each.field)}: {each.message}"
    yield from hanging(first, safe(text), width, style="error" if each.bad else each.class_)
    yield from labelled(
        "where", capped([safe(place) for place in each.places]), width, indent=_CLASS
    )
    if each.accepted:
        yield from labelled("accepted", [safe(each.accepted)], width, indent=_CLASS)
    elif each.bad:
        yield from labelled("id", [listed(each.ids, most=_IDS_SHOWN)], width, indent=_CLASS)


def _bullets(title: str, texts: Sequence[str], width: int | None) -> Iterator[Line]:
    if texts:
        yield from ((), ((title, "place"),))
    for text in capped(texts):
        yield from hanging("- ", safe(text), width)


def _before_and_after(run: Run, width: int | None) -> Iterator[Line]:
    lines = [(host, row) for host, (_, *rows) in verified.tables(run) for row in rows]
    last = ""
    for host, (service, address, *states) in lines[:_TABLE_SHOWN]:
        if host != last:
            yield from ((), ((safe(host), "place"),))
        last = host
        yield from hanging("  ", safe(f"{service} at {address}"), width)
        labels = ("before", "after") if len(states) > 1 else ("now",)
        for label, state in zip(labels, states, strict=True):
            yield from hanging(f"    {label:<7} ", safe(state), width)
    if len(lines) > _TABLE_SHOWN:
        more = len(lines) - _TABLE_SHOWN
        yield from ((), ((f"and {more} more lines: --format html shows all of them", "label"),))


def _discovery(run: Run, width: int | None) -> Iterator[Line]:
    names, remarks = outline.names(run.rows), outline.remarks(run.rows)
    if names:
        yield ()
        yield from table(names)
    if remarks:
        yield ()
    for text in remarks:
        yield from hanging("", safe(text), width)


def _finding(group: outline.Group, width: int | None) -> Iterator[Line]:
    first = f"{group.heading:<9}"
    yield from hanging(first, safe(group.finding.message), width, style=group.heading)
    yield from labelled("where", capped([safe(place) for place in group.places]), width)
    if group.evidence:
        yield from labelled("seen", [safe(group.evidence)], width)
    for server, remedy in group.remedies:
        yield from labelled(server, [safe(line) for line in remedy.splitlines()], None)
    yield from labelled("rule", [f"{group.finding.rule}, {group.finding.source}"], None)


def _records(rows: Sequence[Row]) -> Iterator[Line]:
    for number, (title, values) in enumerate(outline.records(rows)):
        if number:
            yield ()
        yield ((safe(title), "place"),)
        size = max((len(label) for label, _ in values), default=0)
        for label, value in values:
            yield ((f"  {safe(label):<{size}}  ", "label"), (safe(value), ""))


def _writable(text: str, stream: TextIO) -> str:
    # A terminal in the C locale takes ASCII only; a name in Unicode must not end the run.
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


# What has a form of its own: everything else is an audit, steps or rows.
_WHOLE: dict[str, Callable[[Run, int | None], Iterator[Line]]] = {
    "fingerprints": lambda run, _: _fingerprints(run),
    "snapshot": _snapshot,
    "verify": _verified,
}
