"""Lines for a terminal, as pieces of text with the names of their styles."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from certcheck.report.text import safe

_PLACES_SHOWN = 12

# A line is a row of pieces, each with the name of its style; all text in it is safe already.
Line = tuple[tuple[str, str], ...]


def labelled(
    label: str, lines: Iterable[str], width: int | None, *, indent: int = 9
) -> Iterator[Line]:
    """A label, and text behind it on as many lines as it needs."""
    for name, line in zip_longest([label], lines, fillvalue=""):
        yield from hanging(f"{'':<{indent}}{name:<8} ", line, width, style="label")


def hanging(
    head: str, text: str, width: int | None, *, style: str = "label", text_style: str = ""
) -> Iterator[Line]:
    """Text behind a head, with its further lines below its first; `width` None breaks nothing."""
    indent = len(head)
    lines = (
        textwrap.wrap(text, max(width - indent, 20), break_long_words=False, break_on_hyphens=False)
        if width
        else [text]
    )
    yield ((head, style), (lines[0] if lines else "", text_style))
    for line in lines[1:]:
        yield ((" " * indent + line, text_style),)


def capped(labels: Sequence[str]) -> Iterator[str]:
    """The first of the labels, and how many more there are."""
    yield from labels[:_PLACES_SHOWN]
    more = len(labels) - _PLACES_SHOWN
    if more > 0:
        yield f"and {more} more"


def table(rows: Sequence[tuple[str, ...]]) -> Iterator[Line]:
    """Columns below a heading."""
    heading, *lines = columns(rows)
    if len(rows[0]) > 1:  # a note speaks for itself
        yield ((heading[0][0], "label"),)
    yield from lines


def columns(rows: Sequence[tuple[str, ...]], style_column: int | None = None) -> Iterator[Line]:
    """Rows with their cells below each other; one column may have its text as its style."""
    shown = [[safe(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = [f"{cell:<{size}}" for cell, size in zip(row, widths, strict=True)]
        if style_column is None:
            yield (("  ".join(cells).rstrip(), ""),)
            continue
        before, after = cells[:style_column], cells[style_column + 1 :]
        middle = (cells[style_column], row[style_column])
        yield (("  ".join((*before, "")), ""), middle, (f"  {'  '.join(after)}".rstrip(), ""))
