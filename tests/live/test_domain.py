"""Mail domains in a real zone, signed, broken and lame, audited from their names to their ports."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from certcheck.lab import Lab, publish
from tests.conftest import Certcheck, Ended

RECORDS = """
_imaps._tcp 60 IN SRV 0 1 {ports.imaps} imap
_submissions._tcp 60 IN SRV 0 1 {ports.submissions} smtp
_pop3._tcp 60 IN SRV 0 0 0 .
shop 60 IN MX 5 mail
shop 60 IN MX 10 192.0.2.1.
_sieve._tcp.shop 60 IN SRV 0 1 {ports.sieve} alias
alias 60 IN CNAME imap
void 60 IN MX 0 .
zz-bogus 60 IN MX 5 mail
lame 60 IN NS nowhere
wild 60 IN MX 7 mail
*.wild 60 IN A 127.0.0.1
imap.wild 60 IN A 127.0.0.2
bare 60 IN A 127.0.0.1
"""


@pytest.fixture(scope="module")
def zone(shared: Lab) -> Iterator[Lab]:
    """The lab with more mail domains in its zone; one has no signature.

    It is the last, so that its broken NSEC record does not cover any other name that is asked for.
    """
    publish(shared, RECORDS.format(ports=shared.ports), unsigned=["zz-bogus"])
    yield shared
    publish(shared, "")


class Auditor(Protocol):
    """What the fixture `audit` is."""

    def __call__(self, *domains: str, form: str = "--json") -> Ended:
        """Audit domains of the zone; SMTP is at the lab's own port, and DNS is the lab's."""
        ...


@pytest.fixture
def audit(zone: Lab, certcheck: Certcheck, tmp_path: Path) -> Auditor:
    (tmp_path / "certcheck.toml").write_text(f'[site]\nresolver = "{zone.resolver}"\n')
    to_lab = [
        option
        for name in ("mail", "bare")
        for option in ("--connect-to", f"{name}.example.test:25:127.0.0.1:{zone.ports.smtp}")
    ]

    def run(*domains: str, form: str = "--json") -> Ended:
        return certcheck("audit", "--depth", "quick", *to_lab, form, "--domain", *domains)

    return run


def ways(document: dict[str, Any]) -> dict[str, list[str]]:
    """How each service that is there was found."""
    return {url: row["found_by"] for row in document["rows"] for url in row["services"]}


def notes(document: dict[str, Any], name: str) -> list[str]:
    return [r["note"] for r in document["rows"] if r["name"] == name and not r["found_by"]]


def promised(document: dict[str, Any]) -> dict[str, list[str]]:
    """Those that are not only usual names: whatever this machine has at usual ports is left out."""
    found = ways(document).items()
    return {url: found_by for url, found_by in found if found_by != ["usual name"]}


def test_a_domain_is_audited_where_mx_and_srv_lead(zone: Lab, audit: Auditor) -> None:
    document = audit("example.test").document

    assert promised(document) == {
        "smtp://mail.example.test:25": ["MX 10 of example.test", "usual name"],
        f"imaps://imap.example.test:{zone.ports.imaps}": ["SRV _imaps._tcp of example.test"],
        f"submissions://smtp.example.test:{zone.ports.submissions}": [
            "SRV _submissions._tcp of example.test"
        ],
    }
    seen = {o["endpoint"] for o in document["observations"] if o["outcome"] == "seen"}
    assert seen >= set(promised(document))
    assert document["exit_code"] == 1  # the old certificate is bad
    assert document["error"] is None
    assert notes(document, "example.test") == [
        "SRV _pop3._tcp: not offered, by its own word (RFC 6186 3.4)"
    ]


def test_a_host_of_two_domains_is_audited_once_and_odd_targets_are_told(
    zone: Lab, audit: Auditor
) -> None:
    document = audit("shop.example.test", "example.test").document

    found = promised(document)
    smtp = "smtp://mail.example.test:25"
    assert found[smtp] == ["MX 5 of shop.example.test", "MX 10 of example.test", "usual name"]
    assert [o["endpoint"] for o in document["observations"]].count(smtp) == 1
    sieve = f"sieve://alias.example.test:{zone.ports.sieve}"
    assert found[sieve] == ["SRV _sieve._tcp of shop.example.test"]
    assert sieve in {o["endpoint"] for o in document["observations"] if o["outcome"] == "seen"}
    literal, alias = sorted(notes(document, "shop.example.test"))
    assert literal == "MX 10: IP address 192.0.2.1 instead of a name"
    assert "alias.example.test is an alias (CNAME) of imap.example.test" in alias


def test_a_null_mx_is_told_and_good(audit: Auditor) -> None:
    ended = audit("void.example.test")

    assert ended.code == 0
    assert notes(ended.document, "void.example.test") == ["takes no mail: null MX (RFC 7505)"]


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ("zz-bogus.example.test", "zz-bogus.example.test MX: DNSSEC: SERVFAIL"),
        ("lame.example.test", "lame.example.test MX: SERVFAIL"),
        ("gone.example.test", "no MX, SRV or usual name leads to mail of gone.example.test"),
    ],
)
def test_a_domain_that_nobody_knows_is_exit_3(audit: Auditor, domain: str, words: str) -> None:
    ended = audit(domain, form="--quiet")

    assert ended.code == 3
    assert words in ended.complaint


def test_the_others_are_audited_beside_a_domain_that_nobody_knows(audit: Auditor) -> None:
    domains = ("zz-bogus.example.test", "lame.example.test", "gone.example.test")

    ended = audit(*domains, "shop.example.test")

    assert "smtp://mail.example.test:25" in promised(ended.document)
    assert ended.code == 1  # bad is worse than incomplete
    assert [domain for domain in domains if domain not in ended.complaint] == []


def test_under_a_wildcard_only_a_name_with_its_own_address_counts(audit: Auditor) -> None:
    document = audit("wild.example.test").document

    names = {row["name"] for row in document["rows"] if row["found_by"]}
    assert names == {"mail.example.test", "imap.wild.example.test"}
    assert "wildcard" in notes(document, "wild.example.test")[0]


def test_a_domain_without_mx_is_asked_itself(audit: Auditor) -> None:
    document = audit("bare.example.test").document

    found_by = ways(document)["smtp://bare.example.test:25"]
    assert found_by == ["the domain itself, without MX"]


def test_the_reader_sees_the_verdict_and_then_how_names_were_found(audit: Auditor) -> None:
    lines = audit("example.test", form="--no-color").stdout.splitlines()

    assert " errors, " in lines[0]
    assert lines[2].split() == ["name", "services", "found", "by"]
    assert lines[3].split(maxsplit=3)[0] == "mail.example.test"
    assert "MX 10 of example.test" in lines[3]
