"""`certcheck audit --domain` as a user types it, up to the first look-up."""

from pathlib import Path

import dns.rcode
import pytest

from tests.conftest import Certcheck
from tests.name_server import Question, answer, kind, running


@pytest.mark.parametrize("listed", [False, True])
def test_without_a_domain_there_is_nothing_to_look_up(
    certcheck: Certcheck, tmp_path: Path, *, listed: bool
) -> None:
    if listed:
        (tmp_path / "certcheck.toml").write_text('[[endpoint]]\nurl = "imap://a.example"\n')

    ended = certcheck("audit", "--domain")

    assert ended.code == 2
    assert "name a domain" in ended.complaint


@pytest.mark.parametrize(
    "target", ["imap://example.org", "example.org:993", "postmaster@example.org", "192.0.2.7"]
)
def test_what_is_no_domain_is_refused(certcheck: Certcheck, target: str) -> None:
    ended = certcheck("audit", "--domain", "example.org", target)

    assert ended.code == 2
    assert f"target '{target}' is not a mail domain" in ended.complaint
    assert "behind the @" in ended.complaint


def test_a_bad_line_of_a_list_of_domains_is_named(certcheck: Certcheck, tmp_path: Path) -> None:
    (tmp_path / "domains").write_text("# customers\nexample.org\n\nsmtp://example.com\n")

    ended = certcheck("audit", "--domain", "@domains")

    assert ended.code == 2
    assert "domains:4: target 'smtp://example.com' is not a mail domain" in ended.complaint


def test_an_empty_list_names_no_domain(certcheck: Certcheck) -> None:
    ended = certcheck("audit", "--domain", "-", stdin="# none yet\n")

    assert ended.code == 2
    assert "name a domain" in ended.complaint


def test_domains_of_a_list_are_looked_up_once_by_the_resolver_of_the_site(
    certcheck: Certcheck, tmp_path: Path
) -> None:
    asked: list[str] = []

    def nothing(question: Question) -> bytes:
        if kind(question) == "MX":
            asked.append(str(question.question[0].name))
            return answer(question, f"{asked[-1]} MX 0 .")
        return answer(question, rcode=dns.rcode.NXDOMAIN)

    with running(nothing) as resolver:
        site = f'[site]\nresolver = "127.0.0.1:{resolver.port}"\n'
        (tmp_path / "certcheck.toml").write_text(site)
        ended = certcheck(
            "audit", "--json", "--domain", "-", stdin="b.example\nB.example.\na.example"
        )

    assert sorted(asked) == ["a.example.", "b.example."]
    assert ended.code == 0
    assert ended.document["inputs"]["domain"] is True
    assert [row["name"] for row in ended.document["rows"]] == ["b.example", "a.example"]
