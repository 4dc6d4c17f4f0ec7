"""What mail programs will do, for a person at a terminal: who is locked out, the table, advice."""

from collections.abc import Iterator, Mapping

from certcheck.model.prediction import Result
from certcheck.model.run import Run
from certcheck.report import programs
from certcheck.report.lines import Line, hanging, labelled
from certcheck.report.text import safe

_STYLES: Mapping[Result, str] = {
    "locked_out": "error",
    "asks": "warning",
    "unknown": "not seen",
    "connects": "good",
}
_CELL = 5
_CASE = 11
# What is to be copied is not broken over lines.
_WHOLE = frozenset({"Dovecot", "Postfix"})


def lines(run: Run, width: int | None) -> Iterator[Line]:
    """All of it: one sentence first, then program by program, then the reasons, then advice."""
    style = _STYLES[programs.worst(run)]
    yield from hanging("", safe(programs.summary(run)), width, text_style=style)
    for matrix in programs.matrices(run):
        yield ()
        yield from _matrix(matrix, width)
    for case in programs.cases(run):
        yield ()
        yield from _case(case, width)
    for title, values in programs.advised(run):
        yield ()
        yield from hanging(f"{'advice':<{_CASE}}", safe(title), width, style="note")
        for label, value in values:
            for number, line in enumerate(value.splitlines()):
                broken = None if label in _WHOLE else width
                yield from labelled("" if number else label, [safe(line)], broken, indent=_CASE)


def _matrix(matrix: programs.Matrix, width: int | None) -> Iterator[Line]:
    yield ((safe(matrix.title), "place"),)
    for letter, ports in matrix.columns:
        yield from hanging(f"  {letter}  ", safe(ports), width)
    yield ((f"  {''.join(f'{letter:<{_CELL}}' for letter, _ in matrix.columns)}", "label"),)
    for title, rows in matrix.groups:
        yield ((f"  {' ' * _CELL * len(matrix.columns)}", ""), (title, "place"))
        for each in rows:
            cells = "".join(f"{cell:<{_CELL}}" for cell in each.cells)
            style = _STYLES[each.result]
            yield from hanging(f"  {cells}", safe(each.programs), width, style=style)


def _case(case: programs.Case, width: int | None) -> Iterator[Line]:
    title = programs.TITLES[case.result].lower()
    style = _STYLES[case.result]
    yield from hanging(f"{title:<{_CASE}}", safe(case.programs), width, style=style)
    yield from labelled("why", [safe(case.reason)], width, indent=_CASE)
    if case.times:
        yield from labelled("asks", [case.times], width, indent=_CASE)
    for which, kind, digits in case.fingerprints:
        yield from labelled(which, [f"{kind} {safe(digits)}"], None, indent=_CASE)
