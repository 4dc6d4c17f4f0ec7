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
        # Every dot of UTS 46 is a dot, and the last one is dropped (D49).
        ("mail\u3002straße\uff0ede\uff61", "mail.xn--strae-oqa.de", "mail.straße.de"),
        ("mail_1.straße.de", "mail_1.xn--strae-oqa.de", "mail_1.straße.de"),
        ("_imaps._tcp.example.org", "_imaps._tcp.example.org", "_imaps._tcp.example.org"),
        # A joiner stands where the script asks for one (RFC 5892 A.1, A.2).
        ("क्\u200dष.de", "xn--11b2ezcw70k.de", "क्\u200dष.de"),
        ("XN--STRAE-OQA.de.", "xn--strae-oqa.de", "straße.de"),
        (".".join(["a" * 63] * 3 + ["b" * 61]), *[".".join(["a" * 63] * 3 + ["b" * 61])] * 2),
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
    ("text", "why"),
    [
        ("", "is empty"),
        (".", "is empty"),
        ("..", "has an empty label"),
        (".mail.example.org", "has an empty label"),
        ("mail..example.org", "has an empty label"),
        ("mail.example.org..", "has an empty label"),
        ("\u200b.de", "has an empty label"),
        ("../../etc", "has '/' in it"),
        ("mail/../etc", "has '/' in it"),
        ("a\n b", "has U+000A (an unprintable character) in it"),
        ("mail.example.org\n", "has U+000A (an unprintable character) in it"),
        ("mail.example.org\r\nRCPT", "has U+000D (an unprintable character) in it"),
        ("a\x00b.example", "has U+0000 (an unprintable character) in it"),
        ("a\x1b[31m.example", "has U+001B (an unprintable character) in it"),
        ("a\x7fb.example", "has U+007F (an unprintable character) in it"),
        ("a\x9bb.example", "has U+009B (an unprintable character) in it"),
        ("a b.example", "has ' ' in it"),
        ("a\u2028b.example", "has U+2028 (line separator) in it"),
        ("user@mail.example.org", "has '@' in it"),
        ("mail.example.org:143", "has ':' in it"),
        ("[mail.example.org]", "has '[' in it"),
        ("[127.0.0.1]", "has '[' in it"),
        ("a%2eb", "has '%' in it"),
        (r"a\032b.example", r"has '\' in it"),
        ("a\u202eb.de", "has U+202E (right-to-left override) in it"),
        ("mail.de\u200e", "has U+200E (left-to-right mark) in it"),
        ("a\u200db.de", "has U+200D (zero width joiner) in it"),
        ("क्\u200dष..de", "has an empty label"),
        ("\ud800.de", "has U+D800 (an unprintable character) in it"),
        ("℀.de", "has '/' in it"),
        ("\uff21☃.de", "has U+2603 (snowman) in it"),
        ("א\u05d0a.de", "mixes directions of writing"),
        ("\u0301a.de", "is no host name by IDNA 2008"),
        ("-mail.example.org", "begins or ends with a hyphen: '-mail'"),
        ("mail-.example.org", "begins or ends with a hyphen: 'mail-'"),
        ("é-.example.org", "begins or ends with a hyphen"),
        ("a" * 64 + ".de", "has a label of more than 63 octets"),
        ("é" * 63 + ".de", "has a label of more than 63 octets"),
        (".".join(["a" * 63] * 3 + ["b" * 62]), "has more than 253 octets"),
        ("é." * 100, "has more than 253 octets"),
        ("*.example.org", "has a wildcard"),
        # Punycode that stands for nothing, for ASCII, for a snowman, for capitals.
        ("xn--a.de", "has a label that encodes no name: 'xn--a'"),
        ("xn--99999999.de", "has a label that encodes no name"),
        ("xn--www-.de", "begins or ends with a hyphen"),
        ("xn--n3h.de", "has a label that encodes no name"),
        ("xn--wca.de", "has a label that encodes no name"),
    ],
)
def test_what_is_no_host_name_is_refused_in_one_line_that_says_why(text: str, why: str) -> None:
    with pytest.raises(InputError) as caught:
        hostname(text)

    assert why in caught.value.message
    assert caught.value.message.isprintable()
    assert caught.value.message.replace("…", "").isascii()
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "\uff11\uff12\uff17.0.0.1",
        "\u2460.\u2461.\u2462.\u2463",
        "\xb9\xb2\u2077.0.0.1",
        "\u0661\u0662\u0667.\u0660.\u0660.\u0661",
        "\u06f1\u06f2\u06f7.0.0.1",
        "127\u30020\u30020\u30021",
        "127\u20240\u20240\u20241",
        "127.0.0.\xad1",
        "0177.0.0.1",
        "0x7f.1",
        "\uff10x7f.1",
        "::\u0661",
        "\uff11::1",
        "\uff1a\uff1a1",
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
    zoned = ("fe80::1%eth0", "[fe80::1%25eth0]", "::1%../../etc", "fe80::1%\x1b]8;;\n")
    for text in zoned:
        with pytest.raises(InputError, match="has a zone") as caught:
            hostname(text)
        assert caught.value.message.isprintable()


def test_a_wildcard_is_taken_only_where_it_is_asked_for() -> None:
    assert hostname("*.straße.de", wildcard=True).ascii == "*.xn--strae-oqa.de"
    for text in ("*", "a*.example.org", "*.*.example.org", "mail.*.org"):
        with pytest.raises(InputError):
            hostname(text, wildcard=True)


def test_a_long_name_is_cut_in_the_message() -> None:
    with pytest.raises(InputError) as caught:
        hostname("x" * 10_000)

    assert len(caught.value.message.partition(" has ")[0]) < 100


@given(
    st.text(max_size=80)
    | st.text(alphabet="aßé-_.:%[]x0\uff11٣。\u200d\u0301אк한", max_size=12)
    | st.text(alphabet="abz019-", max_size=12).map("xn--{}.de".format)
)
def test_any_text_is_a_host_name_or_is_refused(text: str) -> None:
    try:
        name = hostname(text)
    except InputError:
        return

    assert name.ascii.isascii()
    assert not set(name.ascii) & set("/\\%\n\r\t @*'\"")
    assert hostname(name.ascii) == name
    assert hostname(name.unicode) == name


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
