"""One run as GitHub-flavoured Markdown: what the terminal shows, for a ticket or an archive."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import TextIO

from certcheck.model.certificate import colons
from certcheck.model.run import Failure, Run
from certcheck.report import outages, outline, programs, verified
from certcheck.report.text import code, markdown, safe


def write(run: Run, stream: TextIO) -> None:
    """The run as a file of its own, with a title."""
    finished = f"{run.finished.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    stream.write(f"# certcheck {markdown(run.command)}\n\n")
    stream.write(f"{finished}, certcheck {markdown(run.version)}\n")
    body(run, stream, level=2)


def body(run: Run, stream: TextIO, *, level: int = 3) -> None:
    """The run as a part of a larger file: its headings are of this level and one below."""
    stream.writelines(f"{line}\n" for line in _lines(run, "#" * level))


def _lines(run: Run, heading: str) -> Iterator[str]:
    if run.error:
        yield from _failure(run.error)
    if run.command == "fingerprints":
        yield from _fingerprints(run)
    elif outages.is_watch(run):
        yield from _watch(run, heading)
        return
    elif run.command == "audit":
        yield from _audit(run, heading)
    elif run.command in {"snapshot", "verify"} and run.observations:
        yield from _verified(run, heading) if run.command == "verify" else _snapshot(run)
        return
    yield from _steps(run, heading)
    if run.predictions:
        yield from _programs(run, heading)
    if not outline.is_discovery(run.rows):
        yield from _rows(run)
    yield from _findings(run, heading)


def _audit(run: Run, heading: str) -> Iterator[str]:
    yield from ("", f"**{outline.verdict(run)}**")
    if outline.is_discovery(run.rows):
        yield from _discovery(run)
    yield from _blocks(run, heading)


def _programs(run: Run, heading: str) -> Iterator[str]:
    yield from ("", f"{heading} Mail programs", "", f"**{markdown(programs.summary(run))}**")
    for matrix in programs.matrices(run):
        yield from ("", f"{heading}# {markdown(matrix.title)}", "")
        rows = [(each.programs, *each.cells) for _, group in matrix.groups for each in group]
        yield from _table((("program", *(ports for _, ports in matrix.columns)), *rows))
    for case in programs.cases(run):
        title = programs.TITLES[case.result]
        yield from ("", f"- **{title}**: {markdown(case.programs)}: {markdown(case.reason)}")
        if case.times:
            yield f"  - asks {case.times}"
        for which, kind, digits in case.fingerprints:
            yield f"  - {which} {kind} {code(digits)}"
    for title, values in programs.advised(run):
        yield from ("", f"- **Advice**: {markdown(title)}")
        for label, value in values:
            yield f"  - {label}: {code(value.replace(chr(10), '; '))}"


def _failure(error: Failure) -> Iterator[str]:
    yield from ("", f"> **error:** {markdown(error.message)}")
    if error.hint:
        yield from (">", f"> What next: {markdown(error.hint)}")


def _fingerprints(run: Run) -> Iterator[str]:
    yield ""
    for each in outline.fingerprints(run):
        if each.certificate is None:
            yield f"- {markdown(each.label)}: {markdown(each.remark)}"
            continue
        remark = f" ({markdown(each.remark)})" if each.remark else ""
        yield f"- {markdown(each.label)} {each.certificate.key_type.upper()}{remark}"
        yield f"  - SHA-256 {code(colons(each.certificate.sha256))}"
        yield f"  - SHA-1 {code(colons(each.certificate.sha1))}"


def _watch(run: Run, heading: str) -> Iterator[str]:
    yield from ("", f"**{markdown(outages.verdict(run))}**", "")
    yield from (f"- {markdown(text)}" for text in outages.remarks(run))
    for place in outages.places(run):
        yield from ("", f"{heading} {markdown(place.title)}", "")
        yield from _table(place.table)
    leaves = outages.leaves(run)
    if leaves:
        yield from ("", f"{heading} Certificates", "")
    for leaf in leaves:
        yield f"- SHA-256 {code(colons(leaf.sha256))}"
        yield from (f"  - {markdown(', '.join(spell))}" for spell in leaf.spells)


def _blocks(run: Run, heading: str) -> Iterator[str]:
    if run.observations:
        yield from ("", f"{heading} What was seen")
    for block in outline.blocks(run):
        yield ""
        for label in block.labels:
            yield f"- **{markdown(label)}**"
        for name, value in block.facts:
            yield f"  - {f'{name}: ' if name else ''}{markdown(value)}"


def _snapshot(run: Run) -> Iterator[str]:
    yield from ("", f"**{markdown(verified.kept(run))}**")
    yield from _list("", verified.open_points(run))


def _verified(run: Run, heading: str) -> Iterator[str]:
    yield from ("", f"**{markdown(verified.verdict(run))}**")
    shown = ""
    for each in verified.told(run):
        if verified.title(each) != shown:
            shown = verified.title(each)
            yield from ("", f"{heading} {shown}", "")
        yield from _change(each)
    yield from _list(f"{heading} Still open", verified.open_points(run))
    yield from _list(f"{heading} For the support desk", verified.desk(run))
    for certificate in verified.certificates(run):
        yield from ("", f"{verified.certificate_title(run)} for {markdown(certificate.title)}:", "")
        yield f"- SHA-256 {code(colons(certificate.sha256))}"
        yield f"- SHA-1 {code(colons(certificate.sha1))}"
    if legs := verified.legs(run):
        yield from ("", f"{heading} A marked message went round", "", *_table(legs))
    for host, rows in verified.tables(run):
        yield from ("", f"{heading} {markdown(host)}", "", *_table(rows))


def _change(each: verified.Told) -> Iterator[str]:
    yield f"- {markdown(verified.field_title(each.field))}: {markdown(each.message)}"
    yield from (f"  - {markdown(place)}" for place in each.places)
    if each.accepted:
        yield f"  - accepted: {markdown(each.accepted)}"
    elif each.bad:
        yield f"  - id {' '.join(map(code, each.ids))}"


def _list(heading: str, texts: Sequence[str]) -> Iterator[str]:
    if texts:
        yield from ("", heading, "") if heading else ("",)
    yield from (f"- {markdown(text)}" for text in texts)


def _steps(run: Run, heading: str) -> Iterator[str]:
    if run.actions:
        yield from ("", f"{heading} Steps", "")
        columns = ("step", "state", "server", "what", "where")
        yield from _table((columns, *outline.steps(run)))


def _rows(run: Run) -> Iterator[str]:
    rows = outline.plain_rows(run)
    if rows and outline.is_wide(rows):
        for title, values in outline.records(rows):
            yield from ("", f"**{markdown(title)}**", "")
            yield from (f"- {markdown(label)}: {_cell(value)}" for label, value in values)
    elif rows:
        yield ""
        yield from _table(outline.table(rows))


def _discovery(run: Run) -> Iterator[str]:
    names, remarks = outline.names(run.rows), outline.remarks(run.rows)
    if names:
        yield ""
        yield from _table(names)
    if remarks:
        yield ""
    yield from (f"- {markdown(text)}" for text in remarks)


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    heading, *others = rows
    yield f"| {' | '.join(markdown(cell) for cell in heading)} |"
    yield f"|{'---|' * len(heading)}"
    for row in others:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _cell(text: str) -> str:
    return code(text) if outline.is_fingerprint(text) else markdown(text)


def _findings(run: Run, heading: str) -> Iterator[str]:
    found = outline.groups(run)
    if found:
        yield from ("", f"{heading} Findings")
    for group in found:
        yield from _finding(group, f"{heading}#")


def _finding(group: outline.Group, heading: str) -> Iterator[str]:
    finding = group.finding
    yield from ("", f"{heading} {group.heading}: {code(finding.rule)}", "")
    yield f"**What:** {markdown(finding.message)}"
    yield ""
    yield from (f"- {markdown(place)}" for place in group.places)
    if group.evidence:
        yield from ("", f"Seen: {code(group.evidence)}")
    for server, remedy in group.remedies:
        yield from ("", f"{server}:", "", *_fenced(remedy))
    if finding.source:
        yield from ("", f"Source: <{finding.source}>")


def _fenced(text: str) -> Iterator[str]:
    runs = re.findall(r"`+", text)
    fence = "`" * max(3, 1 + max(map(len, runs), default=0))
    yield fence
    yield from (safe(line) for line in text.splitlines())
    yield fence
