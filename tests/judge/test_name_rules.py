import pytest
from hypothesis import given
from hypothesis import strategies as st

from certcheck.errors import InputError
from certcheck.judge.name_rules import doubt
from certcheck.names import hostname


@pytest.mark.parametrize(
    "name",
    [
        "mail.example.org",
        "mail.straße.de",
        "l·l.cat",
        "сосо.рф",  # noqa: RUF001 - it is about them
        "почта.com",
        "mail.почта.example",
        "日本カナmail.jp",
        "한국mail.kr",
        "漢ㄅa.tw",
        "αβγ.com",
        "हिन्दी.com",
        "نامه\u200cای.com",  # noqa: RUF001 - as above
        "192.0.2.7",
        "*.straße.de",
    ],
)
def test_a_name_of_letters_that_belong_together_is_not_doubted(name: str) -> None:
    assert doubt(hostname(name, wildcard=True)) is None


@pytest.mark.parametrize(
    ("name", "why", "letters"),
    [
        ("p\u0430ypal.com", "mixes Latin letters with others", "(U+0430, Cyrillic small letter a)"),
        (
            "p\u043eч\u0442\u0430.рф",
            "mixes Cyrillic letters with others",
            "p (U+0070, Latin small letter p)",
        ),
        # Most of it is Cyrillic, but under .com a reader expects Latin.
        ("\u0440\u0430\u0443\u0440\u0430l.com", "mixes Latin letters", "(U+0443, Cyrillic"),
        ("\u03b1\u0430.com", "mixes Greek letters with others", "(U+0430, Cyrillic"),
        ("漢ㄅか.tw", "mixes Hiragana letters with others", "Bopomofo letter b"),
        ("\u0441\u043e\u0441\u043e.com", "looks Latin, but is Cyrillic", "(U+0441, Cyrillic"),
        ("1\u0430-\u0435.com", "looks Latin, but is Cyrillic", "(U+0435, Cyrillic"),
        ("\u03bf\u03bf.com", "looks Latin, but is Greek", "(U+03BF, Greek small letter omicron)"),
        ("\u0585\u0578.com", "looks Latin, but is Armenian", "(U+0585, Armenian small letter oh)"),
        ("*.p\u0430ypal.com", "mixes Latin letters with others", "(U+0430, Cyrillic"),
        ("xn--80ak6aa92e.com", "looks Latin, but is Cyrillic", "(U+04CF, Cyrillic"),
    ],
)
def test_a_name_that_may_imitate_another_is_told_with_its_foreign_letters(
    name: str, why: str, letters: str
) -> None:
    host = hostname(name, wildcard=True)

    found = doubt(host)

    assert found is not None
    assert why in found.message
    assert f"{host.ascii} ({host.unicode})" in found.message
    assert letters in found.letters


@given(st.text(alphabet="abеоρо日かカㄅ한ב٣1-\u0301", min_size=1, max_size=8))  # noqa: RUF001 - as above
def test_no_name_breaks_the_look_at_its_letters(label: str) -> None:
    try:
        host = hostname(f"{label}.example")
    except InputError:
        return

    found = doubt(host)

    assert found is None or (found.letters and found.message.startswith("The name xn--"))
