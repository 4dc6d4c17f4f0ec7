"""What a run tells of how endpoints were found, and of what was not found."""

import time

import pytest

from certcheck.model.endpoint import SCHEMES
from tests.name_server import ServerMaker, running, server
from tests.workflow.domains import HERE, MX, found, holding, notes, rows, told, ways

__all__ = ["server"]  # a fixture


def test_an_endpoint_that_is_found_twice_is_audited_once_with_the_strongest_way_first(
    server: ServerMaker,
) -> None:
    records = {
        "example.org MX": ("10 mail.example.org.", "20 mail.example.org."),
        "example.com MX": ("5 mail.example.org.",),
        "_imaps._tcp.example.com SRV": ("0 1 993 mail.example.org.",),
        "mail.example.org A": HERE,
    }

    discovery = found(server(holding(records)), "example.org", "example.com")

    urls = [endpoint.url for endpoint in discovery.endpoints]
    assert len(urls) == len(set(urls)) == len(SCHEMES)
    promised = {e.url for e in discovery.endpoints if e.expected}
    assert promised == {"smtp://mail.example.org:25", "imaps://mail.example.org:993"}
    found_by = [row["found_by"] for row in rows(discovery)]
    assert found_by == [
        (
            "MX 10 of example.org",
            "MX 20 of example.org",
            "MX 5 of example.com",
            "usual name",
        ),
        ("SRV _imaps._tcp of example.com", "usual name"),
        ("usual name",),
    ]


def test_names_and_notes_stand_in_the_order_of_the_domains(server: ServerMaker) -> None:
    records = {
        f"{prefix}{domain} {kind}": (data,)
        for domain in ("b.example", "a.example")
        for prefix, kind, data in (
            ("", "MX", f"10 mx.{domain}."),
            ("_imaps._tcp.", "SRV", f"0 0 993 imaps.{domain}."),
            ("_imap._tcp.", "SRV", "0 0 0 ."),
            ("sieve.", "A", *HERE),
        )
    }

    shown = rows(found(server(holding(records)), "b.example", "a.example"))

    assert [row["name"] for row in shown if row["found_by"]] == [
        *("mx.b.example", "imaps.b.example", "sieve.b.example"),
        *("mx.a.example", "imaps.a.example", "sieve.a.example"),
    ]
    assert [row["name"] for row in shown if not row["found_by"]] == ["b.example", "a.example"]


@pytest.mark.parametrize("trouble", ["broken", "bogus"])
@pytest.mark.parametrize(
    "record", ["example.org MX", "_imaps._tcp.example.org SRV", "imap.example.org A"]
)
def test_a_look_up_without_an_answer_is_told_and_makes_the_run_incomplete(
    server: ServerMaker, record: str, trouble: str
) -> None:
    records = {**MX, "smtp.example.com A": HERE, "example.com MX": ("1 mx.example.com.",)}

    discovery = found(
        server(holding({**records, record: (trouble,)})), "example.org", "example.com"
    )

    run = told(discovery, *ways(discovery))
    assert run.error is not None
    assert record in run.error.message
    assert "[site] resolver" in run.error.hint
    assert ("DNSSEC" in run.error.message) == (trouble == "bogus")
    assert [row["note"] for row in run.rows if record in str(row["note"])]
    assert "smtp://mx.example.com:25" in ways(discovery)


def test_a_domain_whose_servers_are_silent_costs_one_time_out(server: ServerMaker) -> None:
    records = {"example.com MX": ("silent",), **MX}
    begun = time.monotonic()

    discovery = found(server(holding(records)), "example.com", "example.org")

    assert time.monotonic() - begun < 1.8
    assert set(ways(discovery)) == {"smtp://mx.example.net:25"}
    assert "no answer within 1 s" in discovery.notes[0].text


def test_a_dead_resolver_is_given_up_however_many_domains_there_are() -> None:
    domains = [f"d{number}.example.org" for number in range(300)]

    with running(lambda _: None, timeout=0.5) as resolver:
        begun = time.monotonic()
        discovery = found(resolver, *domains)

    assert time.monotonic() - begun < 4
    run = told(discovery)
    assert run.error is not None
    assert len(run.rows) == 300
    assert run.error.message.endswith(" and 290 more")


def test_nothing_at_all_is_one_line_for_all_such_domains(server: ServerMaker) -> None:
    resolver = server(holding({**MX}))

    discovery = found(resolver, "gone.example", "example.org", "bare.example")

    run = told(discovery, "smtp://mx.example.net:25")
    assert run.error is not None
    assert (
        run.error.message == "no MX, SRV or usual name leads to mail of gone.example, bare.example"
    )
    assert ("fact", "no MX: the name does not exist") in notes(discovery)


def test_usual_names_without_an_open_port_are_trouble_only_where_nothing_else_is(
    server: ServerMaker,
) -> None:
    names = {"imap.example.org A": HERE, "imap.example.com A": HERE}

    discovery = found(server(holding({**MX, **names})), "example.org", "example.com")

    run = told(discovery, "smtp://mx.example.net:25")
    assert run.error is not None
    assert run.error.message == "no mail port of example.com is open"
    (closed,) = [row for row in run.rows if row["name"] == "imap.example.org"]
    assert closed == {
        "name": "imap.example.org",
        "services": (),
        "found_by": ("usual name",),
        "note": "none is open",
    }


@pytest.mark.slow
def test_a_long_list_of_domains_is_looked_up(server: ServerMaker) -> None:
    domains = [f"d{number}.example.org" for number in range(250)]
    records = {f"{domain} MX": ("10 mx.example.net.",) for domain in domains}

    discovery = found(server(holding(records)), *domains)

    (row,) = rows(discovery, "smtp://mx.example.net:25")
    assert isinstance(row["found_by"], tuple)
    assert len(row["found_by"]) == 250
    assert told(discovery, "smtp://mx.example.net:25").error is None
