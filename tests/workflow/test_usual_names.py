"""Usual names below a mail domain: which of them count, and when."""

from pathlib import Path

import dns.rcode
import pytest

from certcheck import config
from certcheck.cli.options import Probing
from certcheck.model.endpoint import SCHEMES
from tests.name_server import Question, ServerMaker, answer, server
from tests.workflow.domains import HERE, MX, found, holding, notes, rows, told, ways

__all__ = ["server"]  # a fixture


@pytest.mark.parametrize(
    ("label", "schemes"),
    [
        ("mail", set(SCHEMES)),
        ("imap", {"imap", "imaps"}),
        ("pop", {"pop3", "pop3s"}),
        ("pop3", {"pop3", "pop3s"}),
        ("smtp", {"smtp", "submission", "submissions"}),
        ("mx", {"smtp"}),
        ("sieve", {"sieve"}),
    ],
)
def test_a_usual_name_that_exists_has_the_services_that_it_suggests(
    server: ServerMaker, label: str, schemes: set[str]
) -> None:
    discovery = found(server(holding({**MX, f"{label}.example.org AAAA": ("2001:db8::7",)})))

    by_name = [e for e in discovery.endpoints if e.host.ascii == f"{label}.example.org"]
    assert {endpoint.scheme for endpoint in by_name} == schemes
    assert not any(endpoint.expected for endpoint in by_name)
    assert ways(discovery)[by_name[0].url] == ["usual name"]


def test_the_domain_itself_takes_the_mail_where_there_is_no_mx(server: ServerMaker) -> None:
    discovery = found(server(holding({"example.org A": HERE})))

    assert {e.scheme for e in discovery.endpoints} == set(SCHEMES)
    assert {e.host.ascii for e in discovery.endpoints} == {"example.org"}
    assert not any(endpoint.expected for endpoint in discovery.endpoints)
    assert rows(discovery)[0]["found_by"] == ("the domain itself, without MX",)


@pytest.mark.parametrize("status", ["found", "broken", "bogus", "silent"])
def test_a_domain_with_mx_or_whose_mx_nobody_knows_is_not_asked_itself(
    status: str, server: ServerMaker
) -> None:
    record = MX["example.org MX"] if status == "found" else (status,)

    discovery = found(server(holding({"example.org MX": record, "example.org A": HERE})))

    assert not [e for e in discovery.endpoints if e.host.ascii == "example.org"]


def test_under_a_wildcard_only_names_with_an_address_of_their_own_count(
    server: ServerMaker,
) -> None:
    records = {**MX, "imap.example.org A": ("198.51.100.7",)}

    discovery = found(server(holding(records, wildcard="192.0.2.80")))

    hosts = {endpoint.host.ascii for endpoint in discovery.endpoints}
    assert hosts == {"mx.example.net", "imap.example.org"}
    assert [text for _, text in notes(discovery)] == [
        "a wildcard record gives every name an address: usual names that share it are left out"
    ]


def test_under_a_wildcard_a_usual_name_counts_that_mx_or_srv_leads_to(server: ServerMaker) -> None:
    records = {"example.org MX": ("10 mail.example.org.",)}

    discovery = found(server(holding(records, wildcard="192.0.2.80")))

    assert {e.host.ascii for e in discovery.endpoints} == {"mail.example.org"}
    assert {e.scheme for e in discovery.endpoints} == set(SCHEMES)


def test_where_nobody_knows_of_a_wildcard_usual_names_do_not_count(server: ServerMaker) -> None:
    asked: list[str] = []
    plain = holding(
        {**MX, **{f"{label}.example.org A": HERE for label in ("mail", "imap", "smtp")}}
    )

    def broken_by_chance(question: Question) -> bytes | None:
        label = str(question.question[0].name).partition(".")[0]
        if len(label) == 16:
            asked.append(label)
            return answer(question, rcode=dns.rcode.SERVFAIL)
        return plain(question)

    discovery = found(server(broken_by_chance))

    assert set(ways(discovery)) == {"smtp://mx.example.net:25"}
    assert len(set(asked)) == 1
    run = told(discovery, "smtp://mx.example.net:25")
    assert run.error is not None
    assert "usual names: " in run.error.message


def test_only_addresses_of_the_wanted_family_make_a_usual_name(server: ServerMaker) -> None:
    resolver = server(holding({**MX, "imap.example.org A": HERE}))

    six = found(resolver, probing=Probing(ipv6=True))

    assert set(ways(six)) == {"smtp://mx.example.net:25"}


def test_a_usual_name_exists_where_a_redirection_says_where_it_is(server: ServerMaker) -> None:
    probing = Probing(connect_to=["imap.example.org:993:127.0.0.1:10993"])

    discovery = found(server(holding(MX)), probing=probing)

    assert set(ways(discovery)) == {"smtp://mx.example.net:25", "imaps://imap.example.org:993"}


def test_a_usual_name_exists_where_the_toml_gives_its_address(
    server: ServerMaker, tmp_path: Path
) -> None:
    toml = tmp_path / "certcheck.toml"
    toml.write_text('[[host]]\nname = "sieve.example.org"\naddresses = ["127.0.0.1"]\n')

    discovery = found(server(holding(MX)), site=config.load(toml)[0])

    assert "sieve://sieve.example.org:4190" in ways(discovery)


def test_a_domain_as_long_as_dns_allows_has_no_names_below_it(server: ServerMaker) -> None:
    longest = ".".join(["a" * 49] * 5) + ".de"
    resolver = server(holding({f"{longest} MX": ("1 mx.example.net.",)}))

    assert len(longest) == 252
    assert set(ways(found(resolver, longest))) == {"smtp://mx.example.net:25"}
