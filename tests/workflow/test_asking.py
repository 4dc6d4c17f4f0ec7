"""Where an endpoint is asked: --connect-to beats certcheck.toml, which beats DNS."""

import asyncio
from datetime import UTC, datetime

import pytest

from certcheck import dns
from certcheck.config import EndpointTable, HostTable, Site
from certcheck.model.endpoint import Hostname
from certcheck.model.observation import Observation
from certcheck.names import hostname
from certcheck.targets import connect_to, endpoint
from certcheck.workflow.asking import Asking, look
from tests.zoo.keeper import kept
from tests.zoo.manners import implicit
from tests.zoo.visit import LIMITS

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
MAIL = "imap://mail.example.test:9"  # nobody listens on the discard port
OTHER = "smtp://mail.example.test:9"


class Told(Asking):
    """An Asking that knows by itself what DNS says."""

    answer = dns.Answer(status="found", records=("127.0.0.53",))

    def resolved(self, host: Hostname) -> dns.Answer:
        del host
        return self.answer


class HalfTold(Told):
    """DNS has the IPv4 address, and nobody knows about IPv6."""

    answer = dns.Answer(status="found", records=("127.0.0.53",), detail="mail AAAA: SERVFAIL")


class Untold(Told):
    """DNS knows of no address."""

    answer = dns.Answer(status="none")


def site(*addresses: str) -> Site:
    listed = tuple(map(hostname, addresses))
    return Site(host=(HostTable(name=hostname("mail.example.test"), addresses=listed),))


def asking(
    told: type[Told] = Told,
    *,
    site: Site | None = None,
    redirects: tuple[str, ...] = (),
    family: dns.Family = "any",
) -> Asking:
    return told(
        site=site or Site(),
        resolver=dns.Resolver(),
        limits=LIMITS,
        redirects=tuple(map(connect_to, redirects)),
        family=family,
    )


def looked(asking: Asking, *urls: str) -> tuple[Observation, ...]:
    services = [endpoint(url) for url in urls]
    return asyncio.run(look(services, asking, depth="certificates", at=NOW, seen=lambda _: None))


def places(asking: Asking, *urls: str) -> list[tuple[str, str | None]]:
    return [(o.endpoint, o.address) for o in looked(asking, *urls)]


def test_without_more_dns_says_where() -> None:
    assert places(asking(), MAIL) == [(MAIL, "127.0.0.53")]


def test_the_toml_beats_dns_and_every_address_is_asked() -> None:
    listed = asking(site=site("127.0.0.7", "::1"))

    assert places(listed, MAIL) == [(MAIL, "127.0.0.7"), (MAIL, "::1")]


@pytest.mark.parametrize("port", ["9", ""])
def test_a_redirection_beats_the_toml(port: str) -> None:
    redirected = asking(
        site=site("127.0.0.7"), redirects=(f"mail.example.test:{port}:127.0.0.8",), family="ipv6"
    )

    assert places(redirected, MAIL) == [(MAIL, "127.0.0.8")]


@pytest.mark.parametrize("other", ["mail.example.test:993", "imap.example.test:9"])
def test_a_redirection_of_another_port_or_name_does_not_count(other: str) -> None:
    assert places(asking(redirects=(f"{other}:127.0.0.8",)), MAIL) == [(MAIL, "127.0.0.53")]


def test_of_two_redirections_that_fit_the_first_counts() -> None:
    redirects = ("mail.example.test:9:127.0.0.8", "mail.example.test::127.0.0.9")

    assert places(asking(redirects=redirects), MAIL) == [(MAIL, "127.0.0.8")]


def test_another_port_is_dialled_and_the_endpoint_keeps_its_own() -> None:
    with kept(implicit("imap")) as place:
        redirect = f"mail.example.test:993:127.0.0.1:{place.port}"

        (seen,) = looked(asking(redirects=(redirect,)), "imaps://mail.example.test")

    assert (seen.endpoint, seen.outcome) == ("imaps://mail.example.test:993", "seen")
    assert seen.server_name == "mail.example.test"


@pytest.mark.parametrize(
    ("family", "addresses"),
    [("any", ["127.0.0.7", "::1"]), ("ipv4", ["127.0.0.7"]), ("ipv6", ["::1"])],
)
def test_one_family_alone_can_be_wanted(family: dns.Family, addresses: list[str]) -> None:
    wanted = asking(site=site("127.0.0.7", "::1"), family=family)

    assert [address for _, address in places(wanted, MAIL)] == addresses


def test_a_family_that_the_toml_does_not_list_is_shown_as_not_seen() -> None:
    (seen,) = looked(asking(site=site("127.0.0.7"), family="ipv6"), MAIL)

    assert (seen.address, seen.reason) == (None, "unresolved")
    assert seen.detail == "certcheck.toml lists no IPv6 address for it"


def test_endpoints_of_one_name_on_two_hosts_are_asked_at_their_own_host() -> None:
    front, back = hostname("front.example.test"), hostname("back.example.test")
    split = Site(
        host=(
            HostTable(name=front, addresses=(hostname("127.0.0.3"),)),
            HostTable(name=back, addresses=(hostname("127.0.0.4"),)),
        ),
        endpoint=(
            EndpointTable(url=endpoint(MAIL), host=front),
            EndpointTable(url=endpoint(OTHER), host=back),
        ),
    )

    assert places(asking(site=split), MAIL, OTHER) == [(MAIL, "127.0.0.3"), (OTHER, "127.0.0.4")]


def test_a_family_whose_look_up_failed_is_shown_as_not_seen() -> None:
    known, unknown = looked(asking(HalfTold), MAIL)

    assert (known.address, known.reason) == ("127.0.0.53", "refused")
    assert (unknown.address, unknown.reason) == (None, "unresolved")
    assert unknown.detail == "mail AAAA: SERVFAIL"


def test_a_name_without_any_address_is_shown_as_not_seen() -> None:
    (unknown,) = looked(asking(Untold), MAIL)

    assert (unknown.address, unknown.reason) == (None, "unresolved")
    assert unknown.detail == "the name has no address"


def test_observations_come_in_the_order_of_the_endpoints_and_are_numbered() -> None:
    urls = [f"imap://mail.example.test:{port}" for port in (9, 7, 11)]
    told: list[str] = []

    observations = asyncio.run(
        look(
            [endpoint(url) for url in urls],
            asking(),
            depth="certificates",
            at=NOW,
            seen=told.append,
        )
    )

    assert [(o.id, o.endpoint) for o in observations] == [
        (f"o{number}", url) for number, url in enumerate(urls, 1)
    ]
    assert sorted(told) == sorted(endpoint(url).label for url in urls)
