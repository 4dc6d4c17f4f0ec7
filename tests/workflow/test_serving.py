"""Which cells prove an installation, and what each of them shall serve."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from certcheck import dns
from certcheck.config import EndpointTable, HostTable, ServerKind, ServerTable, Site
from certcheck.errors import Obstacle
from certcheck.install.filling import Filling, Fillings, Installation
from certcheck.install.server import Command, Current, Listener, Slot
from certcheck.model.action import Cell, CellProof, Expectation
from certcheck.model.endpoint import Scheme
from certcheck.names import hostname
from certcheck.targets import connect_to, endpoint
from certcheck.workflow.asking import Asking
from certcheck.workflow.serving import Served, cells, expectations
from tests.making import generation
from tests.zoo.visit import LIMITS

MAIL = hostname("mail.example.test")
OLD = frozenset({"01d" * 21})


BUNDLE = generation("mail", "mail.example.test")
SHOP = generation("shop", "*.shop.test")
DEFAULT = Slot(server="", label="default", chain=Path("/c"), key=Path("/k"))


@dataclass(frozen=True, kw_only=True)
class Server:
    """A MailServer whose word the test decides."""

    name: str
    said: Current = field(default_factory=lambda: Current(slots=(DEFAULT,), listeners=()))

    def current(self) -> Current:
        return self.said

    def check(self) -> Command:
        raise AssertionError

    def activate(self, changed: Sequence[Slot]) -> tuple[Command, ...]:  # noqa: ARG002 - the seam
        raise AssertionError

    def impact(self) -> str:
        raise AssertionError


def listener(scheme: Scheme, port: int, address: str | None = None) -> Listener:
    return Listener(scheme=scheme, address=address, port=port)


def installed(
    kind: ServerKind, *listeners: Listener, slots: tuple[Slot, ...] = (DEFAULT,)
) -> tuple[ServerTable, Installation]:
    server = Server(name=kind, said=Current(slots=slots, listeners=listeners))
    table = ServerTable(name=kind, host=MAIL, kind=kind, config=Path("/etc"), bundle="mail")
    return table, Installation(server=server, current=server.current(), generation=BUNDLE)


def site(*urls: str, addresses: tuple[str, ...] = ("192.0.2.7",)) -> Site:
    return Site(
        host=(HostTable(name=MAIL, addresses=tuple(map(hostname, addresses))),),
        endpoint=tuple(EndpointTable(url=endpoint(url), host=MAIL) for url in urls),
    )


def served(
    site: Site,
    *servers: tuple[ServerTable, Installation],
    family: dns.Family = "any",
    redirects: tuple[str, ...] = (),
) -> tuple[Served, ...]:
    asking = Asking(
        site=site,
        resolver=dns.Resolver(),
        limits=LIMITS,
        family=family,
        redirects=tuple(map(connect_to, redirects)),
    )
    tables, installations = zip(*servers, strict=True)
    return cells(site, tables, installations, asking)


def asked(found: tuple[Served, ...]) -> list[tuple[str, str, str | None]]:
    return [(s.cell.endpoint.url, s.cell.address, s.cell.server_name) for s in found]


def test_a_listener_is_asked_with_its_hosts_name_and_without() -> None:
    found = served(site(), installed("dovecot", listener("imaps", 993)))

    url = "imaps://mail.example.test:993"
    assert asked(found) == [(url, "192.0.2.7", None), (url, "192.0.2.7", "mail.example.test")]


def test_the_endpoints_of_the_toml_name_a_listeners_port() -> None:
    urls = ("imaps://imap.example.test:993", "imaps://imap.customer.test:993")

    found = served(site(*urls), installed("dovecot", listener("imaps", 993)))

    assert asked(found) == [
        (urls[0], "192.0.2.7", None),
        (urls[0], "192.0.2.7", "imap.example.test"),
        (urls[1], "192.0.2.7", None),
        (urls[1], "192.0.2.7", "imap.customer.test"),
    ]


def test_a_listener_without_an_address_is_asked_at_all_of_its_host() -> None:
    both = site(addresses=("192.0.2.7", "2001:db8::7"))

    found = served(both, installed("postfix", listener("smtp", 25)))

    assert {s.cell.address for s in found} == {"192.0.2.7", "2001:db8::7"}


def test_a_listener_with_an_address_is_asked_only_there() -> None:
    found = served(site(), installed("postfix", listener("smtp", 10025, "127.0.0.1")))

    assert {s.cell.address for s in found} == {"127.0.0.1"}


def test_names_of_slots_are_asked_for_on_every_port() -> None:
    named = replace(DEFAULT, names=("a.test", "*.shop.test"))
    server = installed("dovecot", listener("imap", 143), slots=(DEFAULT, named))

    names = [name for _, _, name in asked(served(site(), server))]

    assert names == [None, "a.test", "certcheck.shop.test", "mail.example.test"]


def test_a_port_in_front_of_the_servers_is_proved_by_the_one_that_speaks_its_protocol() -> None:
    urls = ("imaps://mail.example.test:993", "smtp://mail.example.test:25")

    found = served(site(*urls), installed("dovecot"), installed("postfix"))

    speaks = {(s.cell.endpoint.url, s.installation.server.name) for s in found}
    assert speaks == {(urls[0], "dovecot"), (urls[1], "postfix")}


def test_an_endpoint_of_another_host_is_not_asked() -> None:
    other = hostname("other.example.test")
    entry = EndpointTable(url=endpoint("imaps://imap.other.test:993"), host=other)
    both = replace(site(), host=(*site().host, HostTable(name=other)), endpoint=(entry,))

    found = served(both, installed("dovecot", listener("imap", 143)))

    assert {s.cell.endpoint.url for s in found} == {"imap://mail.example.test:143"}


def test_a_port_that_another_host_listens_on_is_still_asked_at_this_one() -> None:
    other = hostname("other.example.test")
    entry = EndpointTable(url=endpoint("imaps://other.example.test:993"), host=other)
    both = replace(
        site(),
        host=(*site().host, HostTable(name=other, addresses=(hostname("192.0.2.8"),))),
        endpoint=(entry,),
    )
    table, behind_a_proxy = installed("dovecot", listener("imaps", 10993))

    found = served(
        both,
        installed("dovecot", listener("imaps", 993)),
        (replace(table, name="second", host=other), behind_a_proxy),
    )

    assert ("imaps://other.example.test:993", "192.0.2.8", None) in asked(found)


@pytest.mark.parametrize(
    ("family", "addresses"), [("ipv4", {"192.0.2.7", "127.0.0.1"}), ("ipv6", {"2001:db8::7"})]
)
def test_one_family_alone_can_be_wanted(family: dns.Family, addresses: set[str]) -> None:
    both = site(addresses=("192.0.2.7", "2001:db8::7"))
    server = installed("dovecot", listener("imap", 143), listener("imap", 1143, "127.0.0.1"))

    found = served(both, server, family=family)

    assert {s.cell.address for s in found} == addresses


def test_a_redirection_beats_the_toml() -> None:
    found = served(
        site(),
        installed("dovecot", listener("imap", 143)),
        redirects=("mail.example.test:143:192.0.2.99",),
    )

    assert {s.cell.address for s in found} == {"192.0.2.99"}


def test_a_server_without_a_port_cannot_be_proved() -> None:
    with pytest.raises(Obstacle, match="no port with TLS could prove an installation into postfix"):
        served(site(), installed("dovecot", listener("imap", 143)), installed("postfix"))


def test_a_host_without_an_address_is_an_obstacle() -> None:
    nowhere = Site(host=(HostTable(name=hostname("nowhere.invalid")),))
    table, installation = installed("dovecot", listener("imap", 143))

    with pytest.raises(Obstacle, match=r"nowhere\.invalid has no address"):
        served(nowhere, (replace(table, host=hostname("nowhere.invalid")), installation))


def proved(one: Served, *leaves: str, detail: str = "") -> CellProof:
    return CellProof(
        cell=one.cell,
        served=tuple((leaf, 1) for leaf in leaves),
        failed=1 if detail else 0,
        handshakes=1,
        detail=detail,
    )


def one_cell(
    slots: tuple[Slot, ...] = (DEFAULT,), server_name: str | None = None, port: int = 143
) -> Served:
    _, installation = installed("dovecot", slots=slots)
    where = endpoint(f"imap://mail.example.test:{port}")
    return Served(
        cell=Cell(endpoint=where, address="192.0.2.7", server_name=server_name),
        installation=installation,
    )


def filled(one: Served) -> Fillings:
    """The slots of a server filled as if the bundles `mail` and `shop` were installed."""
    what = {(): BUNDLE, ("*.shop.test",): SHOP}
    return {
        slot: Filling(ref=given.ref, pairs=given.pairs) if (given := what.get(slot.names)) else None
        for slot in one.installation.current.slots
    }


def test_what_a_cell_serves_is_before_and_its_generation_is_after() -> None:
    one = one_cell()

    before, after = expectations([one], [proved(one, *OLD)], filled(one))

    assert before == (Expectation(cell=one.cell, sha256=OLD),)
    assert after == (Expectation(cell=one.cell, sha256=BUNDLE.leaves),)


@pytest.mark.parametrize(
    ("name", "leaves"),
    [("www.shop.test", SHOP.leaves), ("www.customer.test", OLD)],
)
def test_a_name_gets_the_bundle_that_covers_it_or_keeps_what_it_has(
    name: str, leaves: frozenset[str]
) -> None:
    slots = (DEFAULT, *(replace(DEFAULT, names=(n,)) for n in ("*.shop.test", "www.customer.test")))
    one = one_cell(slots, server_name=name)

    _, after = expectations([one], [proved(one, *OLD)], filled(one))

    assert after == (Expectation(cell=one.cell, sha256=leaves),)


def test_a_port_whose_tls_is_broken_has_an_after_and_no_before() -> None:
    one = one_cell()

    before, after = expectations([one], [proved(one, detail="handshake_failed: eof")], filled(one))

    assert before == ()
    assert [each.cell for each in after] == [one.cell]


def test_a_port_without_tls_proves_nothing_and_is_left_out() -> None:
    plain, good = one_cell(), one_cell(port=1143)
    now = [proved(plain, detail="starttls_not_offered: no"), proved(good, *OLD)]

    before, after = expectations([plain, good], now, filled(plain))

    assert [each.cell for each in (*before, *after)] == [good.cell] * 2


def test_a_server_that_has_no_port_with_tls_cannot_be_proved() -> None:
    plain = one_cell()

    with pytest.raises(Obstacle, match="no port with TLS could prove an installation into dovecot"):
        expectations([plain], [proved(plain, detail="starttls_not_offered: no")], {})


@pytest.mark.parametrize("detail", ["refused: x", "unreachable: x"])
def test_a_port_that_does_not_answer_stops_everything(detail: str) -> None:
    silent = one_cell()

    with pytest.raises(Obstacle, match=r"does not answer now.*IMAP mail.example.test:143 STARTTLS"):
        expectations([silent], [proved(silent, detail=detail)], {})
