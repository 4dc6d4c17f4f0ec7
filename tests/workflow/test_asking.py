"""Where a command asks: --connect-to beats certcheck.toml, which beats DNS."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certcheck import config, dns
from certcheck.cli.options import Probing
from certcheck.cli.wiring import asking
from certcheck.model.observation import Observation
from certcheck.targets import endpoint
from certcheck.workflow.asking import look

TOML = """
[[host]]
name = "a.example"
addresses = ["127.0.0.11", "::1"]
[[host]]
name = "b.example"
addresses = ["127.0.0.12"]
[[endpoint]]
url = "imaps://mail.example:9"
host = "a.example"
[[endpoint]]
url = "submissions://mail.example:9"
host = "b.example"
"""


@pytest.fixture
def site(tmp_path: Path) -> config.Site:
    path = tmp_path / "certcheck.toml"
    path.write_text(TOML)
    return config.load(path)[0]


def seen(site: config.Site, *urls: str, probing: Probing | None = None) -> list[Observation]:
    places = look(
        [endpoint(url) for url in urls],
        asking(site, probing or Probing()),
        depth="certificates",
        at=datetime.now(UTC),
        seen=lambda _: None,
    )
    return list(asyncio.run(places))


def test_each_endpoint_is_asked_at_its_own_host(site: config.Site) -> None:
    found = seen(site, "imaps://mail.example:9", "submissions://mail.example:9")

    assert [(o.endpoint, o.address) for o in found] == [
        ("imaps://mail.example:9", "127.0.0.11"),
        ("imaps://mail.example:9", "::1"),
        ("submissions://mail.example:9", "127.0.0.12"),
    ]
    assert [o.id for o in found] == ["o1", "o2", "o3"]


def test_a_host_may_be_asked_by_its_own_name(site: config.Site) -> None:
    assert [o.address for o in seen(site, "imaps://b.example:9")] == ["127.0.0.12"]


def test_only_the_wanted_family_is_asked(site: config.Site) -> None:
    six = Probing(ipv6=True)

    assert [o.address for o in seen(site, "imaps://mail.example:9", probing=six)] == ["::1"]
    (none,) = seen(site, "submissions://mail.example:9", probing=six)
    assert (none.reason, none.address) == ("unresolved", None)
    assert "lists no IPv6 address" in none.detail


def test_a_redirection_beats_the_toml(site: config.Site) -> None:
    redirected = Probing(connect_to=["mail.example::127.0.0.13:8"])

    (found,) = seen(site, "imaps://mail.example:9", probing=redirected)

    assert (found.endpoint, found.address) == ("imaps://mail.example:9", "127.0.0.13")


def test_a_redirection_of_another_port_does_not_count(site: config.Site) -> None:
    redirected = Probing(connect_to=["mail.example:993:127.0.0.13"])

    assert len(seen(site, "imaps://mail.example:9", probing=redirected)) == 2


def test_a_name_that_nobody_knows_is_not_seen(site: config.Site) -> None:
    (found,) = seen(site, "imaps://no-such-host.invalid")

    assert (found.outcome, found.reason) == ("inconclusive", "unresolved")


def test_a_family_whose_look_up_failed_is_shown_as_not_seen(site: config.Site) -> None:
    class HalfBlind(type(asking(site, Probing()))):  # type: ignore[misc]
        def resolved(self, _host: object) -> dns.Answer[str]:
            return dns.Answer(status="found", records=("127.0.0.14",), detail="AAAA: SERVFAIL")

    half = HalfBlind(site=site, resolver=dns.Resolver(), limits=asking(site, Probing()).limits)
    found = asyncio.run(
        look(
            [endpoint("imaps://c.example:9")],
            half,
            depth="certificates",
            at=datetime.now(UTC),
            seen=lambda _: None,
        )
    )

    assert [(o.address, o.reason) for o in found] == [
        ("127.0.0.14", "refused"),
        (None, "unresolved"),
    ]
    assert found[1].detail == "AAAA: SERVFAIL"
