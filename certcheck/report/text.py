"""The one sink for text from outside: nothing leaves here that a terminal would obey."""

import re

# What means something in the middle of a line: emphasis, code, links, tables, mathematics, an
# address, and a colon that begins `:emoji:` or `://`. Nothing from outside ever begins a line.
_MARKUP = re.compile(r"[\\`*_\[\]|~$^@]|:(?=[\w+-]+:|//)")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def safe(text: str) -> str:
    r"""The text with every character that does not print written as `\xNN` or `\uNNNN`.

    That is C0, C1 and DEL, bidirectional controls, zero-width characters, line separators,
    spaces other than the usual one, lone surrogates, and whatever Unicode has not assigned.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else escaped(each) for each in text)


def escaped(character: str) -> str:
    r"""One character as `\xNN`, `\uNNNN` or `\UNNNNNNNN`."""
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004  # the three widths of Python's own escapes
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004  # as above


def markdown(text: str) -> str:
    """The text as Markdown shows it literally: no markup, no HTML, no link, no table cell."""
    quoted = _MARKUP.sub(lambda found: f"\\{found[0]}", safe(text))
    return "".join(_HTML.get(each, each) for each in quoted)


def code(text: str) -> str:
    """The text as a Markdown code span, with a fence longer than any run of backticks in it."""
    shown = safe(text)
    runs = re.findall(r"`+", shown)
    fence = "`" * (max(map(len, runs), default=0) + 1)
    pad = " " if "`" in shown or not shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
