import pytest
from hypothesis import given
from hypothesis import strategies as st

from certcheck.errors import InputError
from certcheck.names import covers, hostname


@pytest.mark.parametrize(
    ("text", "ascii_form", "unicode_form"),
    [
        ("mail.example.org", "mail.example.org", "mail.example.org"),
        ("MAIL.Example.ORG", "mail.example.org", "mail.example.org"),
        ("mail.example.org.", "mail.example.org", "mail.example.org"),
        ("mail_1.example.org", "mail_1.example.org", "mail_1.example.org"),
        # IDNA 2003 would make mail.strasse.de of it: another domain (D50).
        ("mail.straße.de", "mail.xn--strae-oqa.de", "mail.straße.de"),
        ("mail.STRAẞE.de", "mail.xn--strae-oqa.de", "mail.straße.de"),
        ("xn--strae-oqa.de", "xn--strae-oqa.de", "straße.de"),
        ("\uff2d\uff21\uff29\uff2c.example", "mail.example", "mail.example"),
        ("日本の例.jp", "xn--u9j994gokpnfb.jp", "日本の例.jp"),
        ("a" * 63 + ".de", "a" * 63 + ".de", "a" * 63 + ".de"),
    ],
)
def test_a_name_becomes_its_ascii_and_its_unicode_form(
    text: str, ascii_form: str, unicode_form: str
) -> None:
    name = hostname(text)

    assert (name.ascii, name.unicode, name.is_ip) == (ascii_form, unicode_form, False)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
    ],
)
def test_an_address_is_an_address_and_never_goes_into_sni(text: str, address: str) -> None:
    name = hostname(text)

    assert name.is_ip
    assert name.server_name is None
    assert hostname(name.ascii) == name
    assert hostname(address) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "mail..example.org",
        "../../etc",
        "mail/../etc",
        "a\n b",
        "mail.example.org\n",
        "mail.example.org\r\nRCPT",
        "a\x00b.example",
        "a\x1b[31m.example",
        "a b.example",
        "user@mail.example.org",
        "mail.example.org:143",
        "-mail.example.org",
        "mail-.example.org",
        "a" * 64 + ".de",
        "é" * 63 + ".de",
        ".".join(["a" * 60] * 5),
        "*.example.org",
        "a\u200db.de",
        "a\u202eb.de",
        "\ud800.de",
        "℀.de",
    ],
)
def test_what_is_no_host_name_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        hostname(text)

    assert caught.value.message.isprintable()
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "\uff11\uff12\uff17.0.0.1",
        "\u2460.\u2461.\u2462.\u2463",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0x1",
        "mail.0x7f",
        "1.2.3.4.5",
    ],
)
def test_an_address_hidden_in_other_digits_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="reads as an IP address"):
        hostname(text)


def test_a_zone_in_an_address_does_not_smuggle_a_path_or_a_line() -> None:
    for text in ("::1%../../etc", "fe80::1%eth0\n", "fe80::1%\x1b]8;;"):
        with pytest.raises(InputError):
            hostname(text)


def test_a_wildcard_is_taken_only_where_it_is_asked_for() -> None:
    assert hostname("*.straße.de", wildcard=True).ascii == "*.xn--strae-oqa.de"
    for text in ("*", "a*.example.org", "*.*.example.org", "mail.*.org"):
        with pytest.raises(InputError):
            hostname(text, wildcard=True)


def test_a_long_name_is_cut_in_the_message() -> None:
    with pytest.raises(InputError) as caught:
        hostname("x" * 10_000)

    assert len(caught.value.message.partition(" has ")[0]) < 100


@given(st.text(max_size=80))
def test_any_text_is_a_host_name_or_is_refused(text: str) -> None:
    try:
        name = hostname(text)
    except InputError:
        return

    assert name.ascii.isascii()
    assert not set(name.ascii) & set("/\\%\n\r\t @*'\"")
    assert hostname(name.ascii).ascii == name.ascii


@pytest.mark.parametrize(
    ("pattern", "name", "answer"),
    [
        ("mail.example.org", "mail.example.org", True),
        ("MAIL.example.org.", "mail.example.org", True),
        ("*.example.org", "mail.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "a.mail.example.org", False),
        ("m*.example.org", "mail.example.org", False),
        ("mail.*.org", "mail.example.org", False),
        ("*", "localhost", False),
        ("*.", "localhost", False),
        ("192.0.2.7", "192.0.2.7", True),
        ("2001:db8::1", "2001:db8::1", True),
        ("", "mail.example.org", False),
    ],
)
def test_a_pattern_covers_equal_names_and_one_label(
    pattern: str, name: str, *, answer: bool
) -> None:
    assert covers(pattern, name) is answer


def test_a_wildcard_never_covers_an_address() -> None:
    assert not covers("*.0.2.7", "192.0.2.7")
