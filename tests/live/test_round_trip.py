"""A marked message goes round on a real mail host, and each broken leg is named."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from certcheck.lab import Lab
from certcheck.model.account import Account, Password
from certcheck.model.endpoint import Scheme
from certcheck.model.leg import Leg
from certcheck.probe.limits import Gate
from certcheck.probe.round_trip import Wait, round_trip
from certcheck.probe.session import Service
from tests.live.conftest import LabMaker
from tests.live.hosting import reconfigure
from tests.live.mailboxes import (
    LIMITS,
    account,
    at,
    dovecot_with,
    fill,
    look,
    mail_tree,
    opened,
    roots,
    services,
)

NOW = datetime(2026, 3, 28, tzinfo=UTC)
WAIT = Wait(delivery=10.0, session=20.0)
ALL: tuple[Scheme, ...] = ("submission", "submissions", "smtp", "imaps", "pop3s")


def _trip(
    lab: Lab, who: Account, at_these: Sequence[Service], *, wait: Wait = WAIT
) -> dict[str, Leg]:
    legs = asyncio.run(
        round_trip(
            who, at_these, gate=Gate(LIMITS), limits=LIMITS, now=NOW, roots=roots(lab), wait=wait
        )
    )
    assert "hunter2" not in repr(legs)
    return {leg.name.partition(" ")[0]: leg for leg in legs}


def _messages(lab: Lab, name: str) -> set[str]:
    # Who logs in by POP3 or selects the INBOX takes \\Recent away: `new` becomes `cur`.
    paths = mail_tree(lab, name)
    return {path.partition(":")[0].replace("/new/", "/cur/") for path in paths}


def _outcomes(legs: dict[str, Leg]) -> dict[str, str]:
    return {name: leg.outcome for name, leg in legs.items()}


def test_a_message_goes_round_and_nothing_of_it_stays(shared: Lab) -> None:
    with opened(shared, "alice") as session:
        fill(session, "INBOX", 2)
        session.select("INBOX")
        session.store("1", "+FLAGS", "\\Deleted")
    before = _messages(shared, "alice")

    legs = _trip(shared, account("alice"), services(shared, *ALL))

    names = [f"{scheme} {getattr(shared.ports, scheme)}" for scheme in ALL[:3]]
    assert [leg.name for leg in legs.values()] == [*names, "imap", "pop3", "removed"]
    assert set(_outcomes(legs).values()) == {"passed"}, legs
    assert {leg.detail for leg in legs.values()} == {""}
    assert all(leg.seconds > 0 for leg in legs.values())
    assert _messages(shared, "alice") == before


def test_a_wrong_password_fails_once_and_port_25_goes_on(shared: Lab) -> None:
    log = shared.path / "log" / "postfix.log"
    start = log.stat().st_size

    legs = _trip(shared, account("bob", "hunter2"), services(shared, *ALL))

    assert _outcomes(legs) == {
        "submission": "failed", "submissions": "not_seen", "smtp": "passed",
        "imap": "failed", "pop3": "failed", "removed": "failed",
    }  # fmt: skip
    assert "535" in legs["submission"].detail
    assert "not tried" in legs["submissions"].detail
    assert "1 stay there; they bear X-Certcheck: " in legs["removed"].detail
    assert log.read_text()[start:].count("authentication failed") == 1


def test_a_closed_port_fails_and_the_others_go_on(shared: Lab) -> None:
    places = [at("submission", 1), *services(shared, "smtp", "imap", "pop3")]

    legs = _trip(shared, account("carol"), places)

    assert _outcomes(legs) == {
        "submission": "failed", "smtp": "passed", "imap": "passed", "pop3": "passed",
        "removed": "passed",
    }  # fmt: skip
    assert "closed" in legs["submission"].detail


def test_a_message_that_is_accepted_and_never_delivered_is_named(new_lab: LabMaker) -> None:
    lab = new_lab()
    main = lab.path / "postfix" / "main.cf"
    text = main.read_text()
    reconfigure(main, text.replace("/dovecot/lmtp", "/dovecot/nowhere"))

    legs = _trip(
        lab, account("alice"), services(lab, "smtp", "imaps", "pop3s"), wait=Wait(delivery=2.0)
    )

    assert _outcomes(legs) == {
        "smtp": "passed", "imap": "failed", "pop3": "not_seen", "removed": "not_seen",
    }  # fmt: skip
    name = f"smtp {lab.ports.smtp}"
    assert legs["imap"].detail == f"accepted by {name} and not delivered to the INBOX within 2 s"
    assert "may still come" in legs["removed"].detail


def test_no_password_is_submitted_to_a_server_that_is_not_trusted(shared: Lab) -> None:
    legs = asyncio.run(
        round_trip(
            account("alice"), services(shared, "submission"), gate=Gate(LIMITS), limits=LIMITS,
            now=NOW, wait=WAIT,
        )
    )  # fmt: skip

    (leg,) = legs
    assert (leg.outcome, "not accepted" in leg.detail) == ("failed", True)


def test_without_uidplus_nothing_is_expunged(shared: Lab) -> None:
    changed = "imap_capability = IMAP4rev1 SASL-IR LITERAL+\n"
    with opened(shared, "bob") as session:
        fill(session, "INBOX", 1)
        session.select("INBOX")
        session.store("1:*", "+FLAGS", "\\Deleted")
    with dovecot_with(shared, changed) as ports:
        legs = _trip(shared, account("bob"), [*services(shared, "smtp"), at("imap", ports["imap"])])

    assert _outcomes(legs) == {"smtp": "passed", "imap": "passed", "removed": "failed"}
    assert "no UIDPLUS" in legs["removed"].detail
    seen = look(account("bob"), services(shared, "imaps"), roots(shared))
    assert seen.imap
    assert (seen.imap.folders[0].messages or 0) >= 2


def test_a_login_that_is_no_address_is_not_posted(shared: Lab) -> None:
    bare = Account(login="alice", password=Password("x"))

    legs = _trip(shared, bare, services(shared, "smtp"))

    assert _outcomes(legs) == {"smtp": "not_seen"}
