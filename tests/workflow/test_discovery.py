"""From mail domains to endpoints by MX and SRV records."""

import pytest

from tests.name_server import ServerMaker, server
from tests.workflow.domains import HERE, MX, found, holding, notes, told, ways

__all__ = ["server"]  # a fixture


def test_mx_and_srv_lead_to_their_targets_and_promise_an_open_port(server: ServerMaker) -> None:
    records = {
        "example.org MX": ("20 b.example.net.", "10 a.example.net."),
        "_imaps._tcp.example.org SRV": ("0 1 10993 imap.example.net.",),
        "_submissions._tcp.example.org SRV": ("0 1 465 out.example.net.",),
        "_sieve._tcp.example.org SRV": ("0 1 4190 imap.example.net.",),
    }

    discovery = found(server(holding(records)))

    assert ways(discovery) == {
        "smtp://a.example.net:25": ["MX 10 of example.org"],
        "smtp://b.example.net:25": ["MX 20 of example.org"],
        "submissions://out.example.net:465": ["SRV _submissions._tcp of example.org"],
        "imaps://imap.example.net:10993": ["SRV _imaps._tcp of example.org"],
        "sieve://imap.example.net:4190": ["SRV _sieve._tcp of example.org"],
    }
    assert all(endpoint.expected for endpoint in discovery.endpoints)
    assert notes(discovery) == []


@pytest.mark.parametrize("service", ["submission", "imap", "pop3", "pop3s"])
def test_every_mail_service_of_rfc_6186_is_asked_for(server: ServerMaker, service: str) -> None:
    records = {**MX, f"_{service}._tcp.example.org SRV": ("0 1 77 host.example.net.",)}

    assert f"{service}://host.example.net:77" in ways(found(server(holding(records))))


def test_a_null_mx_is_told_and_is_no_trouble(server: ServerMaker) -> None:
    null = {"example.org MX": ("0 .",), "example.org A": HERE}

    discovery = found(server(holding(null)))

    assert discovery.endpoints == ()
    assert notes(discovery) == [("no_mail", "takes no mail: null MX (RFC 7505)")]
    assert told(discovery).error is None


def test_a_null_mx_does_not_hide_what_srv_and_usual_names_lead_to(server: ServerMaker) -> None:
    records = {
        "example.org MX": ("0 .",),
        "_imaps._tcp.example.org SRV": ("0 1 993 imap.example.net.",),
        "smtp.example.org A": HERE,
    }

    urls = set(ways(found(server(holding(records)))))

    assert {"imaps://imap.example.net:993", "submission://smtp.example.org:587"} <= urls


def test_a_service_that_is_not_offered_is_told_and_not_asked(server: ServerMaker) -> None:
    records = {**MX, "_pop3._tcp.example.org SRV": ("0 0 0 .",)}

    discovery = found(server(holding(records)))

    assert set(ways(discovery)) == {"smtp://mx.example.net:25"}
    (note,) = discovery.notes
    assert note.text.startswith("SRV _pop3._tcp: not offered")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("192.0.2.1.", "IP address 192.0.2.1 instead of a name"),
        ("127.1.", "reads as an IP address in another form"),
        (r"a\032b.example.net.", r"has '\' in it"),
        (r"\027[31mred.example.net.", r"has '\' in it"),
        (".", "says that there is none, beside others"),
    ],
)
def test_a_target_that_is_no_host_name_is_told_and_the_others_are_followed(
    server: ServerMaker, target: str, words: str
) -> None:
    records = {
        "example.org MX": (f"5 {target}", "10 mx.example.net."),
        "_imaps._tcp.example.org SRV": (f"0 0 993 {target}", "1 0 993 imap.example.net."),
    }

    discovery = found(server(holding(records)))

    assert set(ways(discovery)) == {"smtp://mx.example.net:25", "imaps://imap.example.net:993"}
    of_mx, of_srv = (text for _, text in notes(discovery))
    assert of_mx.startswith("MX 5: ")
    assert of_srv.startswith("SRV _imaps._tcp: ")
    assert words in of_mx
    assert words in of_srv
    assert "\x1b" not in of_mx
    assert told(discovery, *ways(discovery)).error is None


def test_port_0_leads_nowhere(server: ServerMaker) -> None:
    records = {**MX, "_imap._tcp.example.org SRV": ("0 0 0 imap.example.net.",)}

    discovery = found(server(holding(records)))

    assert set(ways(discovery)) == {"smtp://mx.example.net:25"}
    assert notes(discovery) == [("fact", "SRV _imap._tcp: port 0")]


def test_a_target_that_is_an_alias_is_followed_and_told(server: ServerMaker) -> None:
    records = {**MX, "mx.example.net CNAME": ("host.example.com.",)}

    discovery = found(server(holding(records)))

    assert set(ways(discovery)) == {"smtp://mx.example.net:25"}
    ((_, text),) = notes(discovery)
    assert "mx.example.net is an alias (CNAME) of host.example.com" in text


def test_a_zone_with_very_many_records_is_not_followed_to_its_end(server: ServerMaker) -> None:
    many = tuple(f"{number} mx{number}.example.net." for number in range(1, 41))

    discovery = found(server(holding({"example.org MX": many})))

    assert len(discovery.endpoints) == 32
    assert notes(discovery) == [("fact", "MX: 8 more records, which are not followed")]
