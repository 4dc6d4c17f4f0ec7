import pytest
from hypothesis import given
from hypothesis import strategies as st

from certcheck.errors import InputError
from certcheck.model.endpoint import PORTS
from certcheck.names import hostname
from certcheck.targets import (
    Redirect,
    connect_to,
    endpoint,
    endpoints,
    mail_domain,
    port_number,
    split_port,
    usual_endpoints,
)


@pytest.mark.parametrize(
    ("url", "normal", "mode"),
    [
        ("imap://mail.example.org", "imap://mail.example.org:143", "starttls"),
        ("IMAPS://Mail.Example.org/", "imaps://mail.example.org:993", "implicit"),
        ("smtp://mail.example.org.:2525", "smtp://mail.example.org:2525", "starttls"),
        ("submissions://[2001:DB8::1]:465", "submissions://[2001:db8::1]:465", "implicit"),
        ("sieve://2001:db8::1", "sieve://[2001:db8::1]:4190", "starttls"),
        ("lmtp://192.0.2.7", "lmtp://192.0.2.7:24", "starttls"),
        ("pop3s://straße.de", "pop3s://xn--strae-oqa.de:995", "implicit"),
    ],
)
def test_a_url_becomes_an_endpoint(url: str, normal: str, mode: str) -> None:
    found = endpoint(url)

    assert found.url == normal
    assert found.tls_mode == mode
    assert endpoint(found.url) == found


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example.org",
        "http://mail.example.org",
        "imap:/mail.example.org",
        "imap://",
        "imap://:143",
        "imap://mail.example.org:",
        "imap://mail.example.org:0",
        "imap://mail.example.org:65536",
        "imap://mail.example.org:00000199999",
        "imap://mail.example.org:+143",
        "imap://mail.example.org:\uff11\uff14\uff13",
        "imap://mail.example.org:143/INBOX",
        "imap://user:secret@mail.example.org",
        "imap://[::1",
        "imap://[::1]143",
        "imap://[mail.example.org]:143",
        "imap://[127.0.0.1]:143",
        "imap://[fe80::1%25eth0]:143",
        "imap://fe80::1%eth0",
        "imap://[::1]:143:1",
        "imap://../../etc",
        "imap://mail.example.org\n",
    ],
)
def test_what_is_no_target_is_refused(url: str) -> None:
    with pytest.raises(InputError):
        endpoint(url)


def test_a_message_about_a_target_is_safe_on_a_terminal() -> None:
    with pytest.raises(InputError) as caught:
        endpoint("\x1b[31m\u202eimap://x")

    assert caught.value.message.isprintable()


def test_the_usual_endpoints_are_all_services_and_none_must_be_there() -> None:
    found = usual_endpoints(hostname("mail.example.org"))

    assert {each.port for each in found} == set(PORTS.values())
    assert not any(each.expected for each in found)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("h", "h", None), ("h:1", "h", 1), ("[::1]", "::1", None), ("::1", "::1", None)],
)
def test_host_and_port_are_told_apart(text: str, host: str, port: int | None) -> None:
    assert split_port(text, where="x") == (host, port)


@pytest.mark.parametrize("text", ["2001:DB8::1", "[2001:db8::1]"])
def test_a_bare_ipv6_address_is_a_host(text: str) -> None:
    assert {each.host.in_url for each in endpoints(text)} == {"[2001:db8::1]"}


@pytest.mark.parametrize(
    ("text", "host", "port", "address", "to_port"),
    [
        ("mail.example.org:993:192.0.2.7:1993", "mail.example.org", 993, "192.0.2.7", 1993),
        ("mail.example.org::192.0.2.7", "mail.example.org", None, "192.0.2.7", None),
        ("straße.de.:993:[2001:DB8::1]:1993", "xn--strae-oqa.de", 993, "2001:db8::1", 1993),
        ("straße.de::2001:db8::1", "xn--strae-oqa.de", None, "2001:db8::1", None),
        ("[2001:DB8::1]:993:[::1]:1993", "2001:db8::1", 993, "::1", 1993),
        ("[2001:db8::1]::::1", "2001:db8::1", None, "::1", None),
    ],
)
def test_a_redirection_names_a_host_and_an_address(
    text: str, host: str, port: int | None, address: str, to_port: int | None
) -> None:
    wanted = Redirect(host=hostname(host), port=port, address=address, to_port=to_port)

    assert connect_to(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mail.example.org",
        "mail.example.org:993",
        "mail.example.org:993:",
        ":993:192.0.2.7",
        "mail.example.org:993:elsewhere.example.org",
        "mail.example.org:993:0177.0.0.1",
        "mail.example.org:993:fe80::1%eth0",
        "mail.example.org:993:[192.0.2.7]:1",
        "mail.example.org:0:192.0.2.7",
        "[mail.example.org]:993:192.0.2.7",
        "[2001:db8::1:993:192.0.2.7",
        "mail.example.org:993:\x1b[31m",
    ],
)
def test_what_is_no_redirection_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        connect_to(text)

    assert caught.value.message.isprintable()


@given(st.text(alphabet="0123456789٣-+ e_", max_size=12))
def test_a_port_is_in_its_range_or_refused(digits: str) -> None:
    try:
        port = port_number(digits, where="x")
    except InputError:
        return

    assert 0 < port < 65536


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.org.", "example.org"),
        ("straße.de", "xn--strae-oqa.de"),
        ("lists.example.org", "lists.example.org"),
    ],
)
def test_a_mail_domain_is_a_name(text: str, name: str) -> None:
    assert mail_domain(text) == hostname(name)


@pytest.mark.parametrize(
    "text",
    [
        "imap://example.org",
        "smtp://example.org:25",
        "example.org:25",
        "example.org:",
        "postmaster@example.org",
        "192.0.2.7",
        "2001:db8::7",
        "[2001:db8::7]:25",
        "",
        "*.example.org",
        "a b.example",
    ],
)
def test_nothing_else_is_a_mail_domain(text: str) -> None:
    with pytest.raises(InputError):
        mail_domain(text)
