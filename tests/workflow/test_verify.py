"""Snapshots and verifications of servers that do on command what no real one does."""

import itertools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from certcheck.config import Site
from certcheck.dns import Resolver
from certcheck.lab.ports import reserved
from certcheck.model.endpoint import Endpoint
from certcheck.model.run import Run
from certcheck.names import hostname
from certcheck.probe.limits import Limits
from certcheck.report import json
from certcheck.targets import Redirect
from certcheck.workflow.announcing import Announced
from certcheck.workflow.asking import Asking, Step
from certcheck.workflow.snapshot import snapshot
from certcheck.workflow.verify import Verification, refuse_other_hosts, verify
from tests.making import generation
from tests.zoo.animals import hangs_up, says, silent
from tests.zoo.identities import context
from tests.zoo.keeper import Behaviour, Visitor, kept
from tests.zoo.manners import server
from tests.zoo.visit import NAME, at

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
LIMITS = Limits(timeout=1.0, back_off=0.1, between_rounds=0.1, scan_timeout=20.0)


@dataclass
class Changing:
    """A server that behaves otherwise from one moment to the next."""

    behaviour: Behaviour

    def __call__(self, visitor: Visitor) -> None:
        self.behaviour(visitor)


@dataclass(frozen=True)
class Host:
    """A server that can be changed, and how it is looked at."""

    changing: Changing
    endpoint: Endpoint
    asking: Asking

    def snapshot(self) -> Run:
        return snapshot(_blank("snapshot"), [self.endpoint], self.asking, seen=_unheard)

    def verify(self, before: Run | None, **more: object) -> Run:
        verification = Verification(before=before, **more)  # type: ignore[arg-type]
        return verify(_blank("verify"), [self.endpoint], self.asking, verification, seen=_unheard)


def _blank(command: str) -> Run:
    inputs = {"before": "before.json"} if command == "verify" else {}
    return Run(id="x", command=command, version="0", started=NOW, finished=NOW, inputs=inputs)


def _unheard(_: Step) -> None:
    pass


def _asking(*addresses: str) -> Asking:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    return Asking(
        site=Site(),
        resolver=Resolver(address="127.0.0.1", port=port, timeout=0.2),
        limits=LIMITS,
        redirects=tuple(Redirect(host=NAME, port=None, address=a, to_port=None) for a in addresses),
    )


@contextmanager
def _host(behaviour: Behaviour) -> Iterator[Host]:
    changing = Changing(behaviour)
    with reserved(1) as (port,), kept(changing, port=port) as place:
        yield Host(changing=changing, endpoint=at(place, "smtp"), asking=_asking("127.0.0.1"))


def _greets(*greetings: bytes) -> Behaviour:
    turns = itertools.cycle(greetings)
    return server("smtp", {"greeting": lambda visitor: visitor.say(next(turns))})


def test_a_greeting_that_tells_the_time_does_not_make_a_snapshot_another_one() -> None:
    greets = _greets(
        b"220 mail.example.test ESMTP Exim 4.96 Fri, 27 Nov 2026 01:02:03 +0100\r\n",
        b"220 mail.example.test ESMTP Exim 4.96 Fri, 27 Nov 2026 01:02:04 +0100\r\n",
    )
    with _host(greets) as host:
        first, second = host.snapshot(), host.snapshot()

    assert json.document(first) == json.document(second)
    assert first.exit_code == 0
    assert (
        first.observations[0].capabilities.greeting == "220 mail.example.test ESMTP Exim 4.96 … …"
    )


@pytest.mark.parametrize(
    ("after", "code", "changes"),
    [
        (server("smtp"), 0, []),
        (silent, 1, [("outcome", "lost")]),
        (hangs_up, 1, [("outcome", "lost")]),
        (says(b"421 too many connections\r\n"), 3, []),
        (says(b"554 go away\r\n"), 3, []),
        (server("smtp", {"EHLO": b"250 mail.example.test\r\n"}), 1, [("outcome", "lost")]),
    ],
    ids=["same", "silent", "hangs up", "421", "554", "no starttls"],
)
def test_what_a_server_does_afterwards_is_judged(
    after: Behaviour, code: int, changes: list[tuple[str, str]]
) -> None:
    with _host(server("smtp")) as host:
        before = host.snapshot()
        host.changing.behaviour = after

        run = host.verify(before)

    assert before.exit_code == 0
    assert [(c.field, c.class_) for c in run.changes] == changes
    assert run.exit_code == code


def test_an_accident_is_looked_at_twice_and_is_no_loss() -> None:
    with _host(server("smtp")) as host:
        before = host.snapshot()
        good, failures = host.changing.behaviour, itertools.count()

        def unlucky(visitor: Visitor) -> None:
            # One look at a server that hangs up takes three connections.
            (hangs_up if next(failures) < 3 else good)(visitor)

        host.changing.behaviour = unlucky
        run = host.verify(before)

    assert next(failures) > 4
    assert run.changes == ()
    assert run.exit_code == 0


def test_a_snapshot_of_another_host_is_not_compared() -> None:
    with _host(server("smtp")) as host:
        before = host.snapshot()

    other = Endpoint(scheme="imap", host=hostname("other.example"), port=143)
    with pytest.raises(Exception, match=r"is a snapshot of mail\.example\.test, and not of other"):
        refuse_other_hosts(before, [other], where="before.json")


def test_two_verifications_of_the_same_state_give_the_same_document() -> None:
    with _host(server("smtp")) as host:
        before = host.snapshot()
        host.changing.behaviour = server("smtp", tls=context("rsa2048"))
        first = host.verify(before)
        later = host.verify(before)

    moved = replace(later, started=NOW + timedelta(hours=1))
    assert json.document(first) == json.document(replace(moved, started=NOW))
    assert first.exit_code == 1
    assert {c.class_ for c in first.changes} >= {"lost"}


def test_a_bundle_that_is_not_served_is_told_without_any_snapshot() -> None:
    made = generation("mail", "mail.example.test")
    with _host(server("smtp")) as host:
        announced = Announced(by_endpoint={host.endpoint.url: made}, leaves=made.leaves)
        run = host.verify(None, announced=announced)

    assert run.exit_code == 1
    assert [c.class_ for c in run.changes] == ["unannounced"]
    assert "which is not mail/1" in run.changes[0].message


def test_an_address_that_was_not_asked_is_named_and_no_loss() -> None:
    with _host(server("smtp")) as host:
        both = replace(host, asking=_asking("127.0.0.1", "::1"))
        with kept(host.changing, "::1", port=host.endpoint.port):
            before = both.snapshot()
        run = host.verify(before)

    assert [o.address for o in before.observations] == ["127.0.0.1", "::1"]
    assert run.changes == ()
    assert run.exit_code == 0
    assert [(f.rule, f.address) for f in run.findings] == [("not_compared", "::1")]
