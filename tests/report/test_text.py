import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certcheck.report.text import code, markdown, safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail.example.org", "mail.example.org"),
        ("straße 日本", "straße 日本"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x1b]8;;https://evil.example\x1b\\", "\\x1b]8;;https://evil.example\\x1b\\"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb\tc\x7f", "a\\x0d\\x0ab\\x09c\\x7f"),
        ("\u202egro.elpmaxe", "\\u202egro.elpmaxe"),
        ("\u200e\u200f\u061c\u2066\u2069", "\\u200e\\u200f\\u061c\\u2066\\u2069"),
        ("a\u200bb\ufeff\u2028\u2029\xad", "a\\u200bb\\ufeff\\u2028\\u2029\\xad"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
        ("\xa0\u3000", "\\xa0\\u3000"),
    ],
)
def test_what_does_not_print_is_written_out(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text())
def test_nothing_unprintable_leaves(text: str) -> None:
    shown = safe(text)

    assert shown.isprintable()
    assert not {unicodedata.category(each) for each in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert safe(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>&", "&lt;script&gt;&amp;"),
        ("[a](javascript:x)", "\\[a\\](javascript:x)"),
        (
            "![x](y) | `c` *b* _i_ ~s~ $m$",
            "!\\[x\\](y) \\| \\`c\\` \\*b\\* \\_i\\_ \\~s\\~ \\$m\\$",
        ),
        (":AB: https://x a@b", "\\:AB: https\\://x a\\@b"),
        ("\\*", "\\\\\\*"),
        ("\x1b[1m", "\\\\x1b\\[1m"),
    ],
)
def test_markup_from_outside_is_text(text: str, shown: str) -> None:
    assert markdown(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "`a`"), ("a`b", "`` a`b ``"), ("``", "``` `` ```"), ("\n", "`\\x0a`"), ("", "`  `")],
)
def test_a_code_span_ends_where_it_should(text: str, shown: str) -> None:
    assert code(text) == shown
