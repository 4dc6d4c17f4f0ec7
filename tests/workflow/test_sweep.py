"""A sweep's politeness and its memory of what is told."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

from certcheck import dns
from certcheck.config import Site
from certcheck.model.endpoint import Endpoint, Hostname
from certcheck.model.observation import Observation
from certcheck.probe.limits import Limits
from certcheck.probe.observe import unseen
from certcheck.targets import connect_to, endpoint
from certcheck.workflow.asking import Asking
from certcheck.workflow.ledger import Ledger
from certcheck.workflow.sweep import Company, _Hosts, _Names, sweep
from tests.zoo.animals import says
from tests.zoo.identities import context
from tests.zoo.keeper import kept
from tests.zoo.manners import implicit

NOW = datetime(2026, 3, 28, tzinfo=UTC)
MAIL = endpoint("imap://mail.example.test")


def asking(*redirects: str, per_host: int = 5) -> Asking:
    return Asking(
        site=Site(),
        resolver=dns.Resolver(),
        limits=Limits(timeout=5.0, back_off=0.1, per_host=per_host),
        redirects=tuple(connect_to(each) for each in redirects),
    )


def swept(targets: list[Endpoint], how: Asking) -> list[Observation]:
    told: list[Observation] = []
    done: list[int] = []
    company = Company(tell=lambda o, _: told.append(o), seen=done.append, clock=lambda: NOW)
    one_by_one: Iterator[tuple[Endpoint]] = ((each,) for each in targets)
    sweep(one_by_one, how, Ledger(), company, size=len(targets))
    assert done == list(range(1, len(targets) + 1))
    return told


def test_a_host_that_turns_us_away_is_stopped_for_the_rest_of_the_list() -> None:
    with kept(says(b"421 too many\r\n")) as place:
        targets = [endpoint(f"smtp://n{number}.example.test:{place.port}") for number in range(20)]
        redirects = (f"n{number}.example.test::127.0.0.1" for number in range(20))

        told = swept(targets, asking(*redirects, per_host=1))

        assert place.count() == 2
    assert {each.reason for each in told} == {"rate_limited"}
    assert len(told) == 20


def test_each_name_is_asked_for_by_its_own_sni() -> None:
    with kept(implicit("imap", tls=context())) as place:
        names = [f"n{number}.example.test" for number in range(8)]
        targets = [endpoint(f"imaps://{name}:{place.port}") for name in names]
        told = swept(targets, asking(*(f"{name}::127.0.0.1" for name in names)))

    assert sorted(str(each.server_name) for each in told) == names
    assert {each.outcome for each in told} == {"seen"}


def test_addresses_in_work_for_one_name_are_one_host() -> None:
    hosts = _Hosts()

    with hosts.together(["192.0.2.1", "192.0.2.2"]):
        with hosts.together(["192.0.2.3", "192.0.2.2"]):
            assert set(hosts.of.values()) == {"192.0.2.1"}
        assert set(hosts.of) == {"192.0.2.1", "192.0.2.2"}
    assert hosts.of == {}


def test_a_name_is_looked_up_once_and_not_kept_for_ever() -> None:
    asked: list[str] = []

    def look_up(host: Hostname) -> dns.Answer[str]:
        asked.append(host.ascii)
        return dns.Answer(status="found", records=("192.0.2.1",))

    async def run() -> None:
        names = _Names(look_up)
        for number in [0, 0, *range(1, 1025), 1024, 0]:
            name = f"n{number}.example.test"
            await names.resolved(Hostname(ascii=name, unicode=name))

    asyncio.run(run())

    assert asked == [f"n{number}.example.test" for number in [*range(1025), 0]]


def test_a_ledger_knows_what_is_left() -> None:
    ledger = Ledger()
    ledger.recall(MAIL.url, "192.0.2.1", "seen", addresses=2)
    done = endpoint("imap://done.example.test")
    ledger.recall(done.url, "192.0.2.7", "seen", addresses=1)

    assert not ledger.begin(done)
    assert ledger.begin(MAIL)
    assert not ledger.begin(MAIL)  # twice in one list
    assert [ledger.has(MAIL, f"192.0.2.{n}") for n in (1, 2)] == [True, False]
    assert not ledger.missing
    assert ledger.enter(MAIL, without_tls()) == 3
    assert ledger.missing


def without_tls() -> Observation:
    return unseen(MAIL, "192.0.2.2", number=0, at=NOW, reason="preauth", detail="")
