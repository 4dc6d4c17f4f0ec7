"""Which TLSA records decide over an installation, and what is said of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import dns.flags
import dns.rcode
import pytest

from certcheck.config import ServerTable, Site
from certcheck.dns import Resolver
from certcheck.errors import InputError, Obstacle
from certcheck.host.local import LocalHost
from certcheck.install.filling import Filling, Installation, generation_of
from certcheck.install.server import Command, Current, Slot
from certcheck.model.action import Cell
from certcheck.model.bundle import Generation
from certcheck.names import hostname
from certcheck.targets import connect_to, endpoint
from certcheck.workflow.asking import Asking
from certcheck.workflow.choice import Choice
from certcheck.workflow.dane import heeded, reason
from certcheck.workflow.means import Means
from certcheck.workflow.serving import Served
from tests.making import generation
from tests.name_server import Question, answer, kind, running
from tests.zoo.visit import LIMITS

MAIL = generation("mail", "mail.example.test", "imap.example.test", "*.example.test", "192.0.2.7")
LEAF = MAIL.pairs[0].leaf
SHOP = generation("shop", "www.shop.test")
DEFAULT = Slot(server="dovecot", label="default", chain=Path("/c"), key=Path("/k"))
OTHER = "3 1 1 " + "ab" * 32


@dataclass(frozen=True, kw_only=True)
class Server:
    """A MailServer of which only the name counts."""

    name: str = "dovecot"

    def current(self) -> Current:
        raise AssertionError

    def check(self) -> Command:
        raise AssertionError

    def activate(self, changed: Sequence[Slot]) -> tuple[Command, ...]:  # noqa: ARG002 - the seam
        raise AssertionError

    def impact(self) -> str:
        raise AssertionError


@dataclass(kw_only=True)
class Zone:
    """What a resolver says of TLSA records, and for whose it was asked."""

    records: dict[str, str] = field(default_factory=dict)
    secure: bool = True
    asked: set[str] = field(default_factory=set)

    def __call__(self, question: Question) -> bytes:
        owner = str(question.question[0].name).removesuffix(".")
        assert kind(question) == "TLSA"
        self.asked.add(owner)
        flags = dns.flags.AD if self.secure else 0
        if owner not in self.records:
            return answer(question, rcode=dns.rcode.NXDOMAIN, flags=flags)
        return answer(question, f"{owner}. TLSA {self.records[owner]}", flags=flags)


def place(url: str, *, slots: tuple[Slot, ...] = (DEFAULT,), host: str = "192.0.2.7") -> Served:
    current = Current(slots=slots, listeners=())
    return Served(
        cell=Cell(endpoint=endpoint(url), address=host, server_name=None),
        installation=Installation(server=Server(), current=current, generation=MAIL),
    )


IMAPS = (place("imaps://imap.example.test:993"),)


def choice(places: Sequence[Served], *generations: Generation) -> Choice:
    """These generations in the slots that they cover."""
    filled: dict[Slot, Filling | None] = {}
    for each in places:
        for slot in each.installation.current.slots:
            found = generation_of(slot, each.installation, generations)
            filled[slot] = Filling(ref=found.ref, pairs=found.pairs) if found else None
    return Choice(
        tables=(),
        installations=tuple(each.installation for each in places),
        generations=generations,
        filled=filled,
    )


def means(resolver: Resolver, *redirects: str) -> Means:
    table = ServerTable(
        name="dovecot",
        host=hostname("mx.example.test"),
        kind="dovecot",
        config=Path("/etc/dovecot/dovecot.conf"),
        bundle="mail",
    )
    site = Site(server=(table,))
    redirected = tuple(map(connect_to, redirects))
    return Means(
        site=site,
        here=LocalHost(),
        host=LocalHost(),
        server_of=lambda _: Server(),
        asking=Asking(site=site, resolver=resolver, limits=LIMITS, redirects=redirected),
        clock=lambda: datetime.now(UTC),
        say=lambda _: None,
    )


def asked(*places: Served, redirects: tuple[str, ...] = ()) -> set[str]:
    zone = Zone()
    with running(zone) as resolver:
        assert (
            heeded(places, choice(places, MAIL, SHOP), means(resolver, *redirects), later=None)
            == ()
        )
    return zone.asked


def test_the_names_of_endpoint_server_and_certificate_are_asked_for_on_each_port() -> None:
    found = asked(place("imaps://imap.example.test:993"), place("imap://mail.other.test:143"))

    names = ("imap.example.test", "mail.example.test", "mail.other.test", "mx.example.test")
    assert found == {f"_{port}._tcp.{name}" for port in (143, 993) for name in names}


def test_the_names_of_a_bundle_that_is_served_elsewhere_are_not_asked_for() -> None:
    assert "_993._tcp.www.shop.test" not in asked(place("imaps://mail.example.test:993"))


def test_a_name_with_a_slot_of_its_own_meets_the_bundle_of_that_slot() -> None:
    slot = replace(DEFAULT, names=("www.shop.test",))

    found = asked(place("imaps://mail.example.test:993", slots=(DEFAULT, slot)))

    assert "_993._tcp.www.shop.test" in found


def test_a_name_whose_slot_is_kept_is_not_asked_for() -> None:
    kept = replace(DEFAULT, names=("old.customer.test",))

    found = asked(place("imaps://old.customer.test:993", slots=(DEFAULT, kept)))

    assert "_993._tcp.old.customer.test" not in found


def test_behind_a_redirection_the_port_of_the_clients_counts() -> None:
    found = asked(
        place("imaps://mail.example.test:10993"),
        redirects=("mail.example.test:993:127.0.0.1:10993",),
    )

    assert "_993._tcp.mail.example.test" in found
    assert not any(owner.startswith("_10993.") for owner in found)


def test_an_address_has_no_records() -> None:
    assert not any("192.0.2" in owner for owner in asked(place("imaps://192.0.2.7:993")))


@contextmanager
def stopped(zone: Callable[[Question], bytes | None]) -> Iterator[pytest.ExceptionInfo[Obstacle]]:
    places = (place("imaps://imap.example.test:993"), place("imap://imap.example.test:143"))
    with running(zone, timeout=0.3) as resolver, pytest.raises(Obstacle) as caught:
        heeded(places, choice(places, MAIL), means(resolver), later=None)
    yield caught


def test_what_is_missing_is_ready_to_paste() -> None:
    owner = "_993._tcp.imap.example.test"

    with stopped(Zone(records={owner: OTHER})) as caught:
        pass

    line = f"{owner}. IN TLSA 3 1 1 {LEAF.spki_sha256}"
    assert caught.value.message == (
        f"secure TLSA records do not match the new certificate, missing: {line}"
    )
    assert caught.value.hint == (
        "publish what is missing, wait two TTLs, install again; or --tlsa-later REASON"
    )


def test_all_troubles_are_in_one_line_and_no_failure_is_none() -> None:
    matching = f"3 1 1 {LEAF.spki_sha256}"
    zone = Zone(
        records={
            "_143._tcp.mail.example.test": OTHER,
            "_143._tcp.imap.example.test": matching,
            "_993._tcp.imap.example.test": matching,
        }
    )

    def behave(question: Question) -> bytes | None:
        owner = str(question.question[0].name)
        if owner.startswith("_143._tcp.mx."):
            return answer(question, rcode=dns.rcode.REFUSED)
        if owner.startswith("_993._tcp.imap.") and not question.flags & dns.flags.CD:
            return answer(question, rcode=dns.rcode.SERVFAIL)
        return zone(question)

    with stopped(behave) as caught:
        pass

    parts = caught.value.message.split("; ")
    assert [part.partition(":")[0] for part in parts] == [
        "secure TLSA records do not match the new certificate, missing",
        "bogus TLSA, DNSSEC is broken",
        "cannot tell whether there are TLSA records",
    ]
    assert "_143._tcp.mail.example.test." in parts[0]
    assert parts[1].endswith("_993._tcp.imap.example.test TLSA: DNSSEC: SERVFAIL")
    assert parts[2].endswith("_143._tcp.mx.example.test TLSA: REFUSED")
    assert "[site] resolver" in caught.value.hint
    assert "two TTLs" in caught.value.hint


def test_many_troubles_are_counted_not_listed() -> None:
    names = [f"h{number}.example.test" for number in range(12)]
    many = generation("mail", *names)
    one = place("imaps://h0.example.test:993")
    one = replace(one, installation=replace(one.installation, generation=many))
    zone = Zone(records={f"_993._tcp.{name}": OTHER for name in names})

    with running(zone) as resolver, pytest.raises(Obstacle) as caught:
        heeded([one], choice([one], many), means(resolver), later=None)

    assert caught.value.message.count("IN TLSA") == 10
    assert caught.value.message.endswith(" and 2 more")


def test_a_silent_resolver_costs_two_time_outs_however_many_names() -> None:
    with stopped(lambda _: None) as caught:
        pass

    assert "no answer within 0.3 s" in caught.value.message


def test_what_dnssec_does_not_vouch_for_is_a_note() -> None:
    owner = "_993._tcp.imap.example.test"
    zone = Zone(records={owner: OTHER}, secure=False)

    with running(zone) as resolver:
        (note,) = heeded(IMAPS, choice(IMAPS, MAIL), means(resolver), later=None)

    assert f"{owner}. IN TLSA 3 1 1 {LEAF.spki_sha256}" in note


def test_a_reason_turns_what_would_stop_into_notes() -> None:
    zone = Zone(records={"_993._tcp.imap.example.test": OTHER})

    with running(zone) as resolver:
        notes = heeded(IMAPS, choice(IMAPS, MAIL), means(resolver), later="ticket 42")

    assert notes[0] == "--tlsa-later: ticket 42"
    assert "_993._tcp.imap.example.test. IN TLSA" in notes[1]


@pytest.mark.parametrize("text", ["", " \n", "x" * 501])
def test_a_reason_says_something_and_is_short(text: str) -> None:
    with pytest.raises(InputError, match="--tlsa-later takes a reason of 1 to 500 characters"):
        reason(text)


def test_no_reason_is_none() -> None:
    assert reason(None) is None
    assert reason("ticket 42") == "ticket 42"
