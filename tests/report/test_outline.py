import datetime as dt
from dataclasses import replace

import pytest

from certcheck.model.certificate import short
from certcheck.model.finding import Finding
from certcheck.model.observation import OUTCOMES, Refusals, Trust
from certcheck.model.run import Row
from certcheck.report import facts, outline
from tests.report import runs


def _values(**changes: object) -> dict[str, str]:
    leaf = runs.certificate("mail.example.org", **changes)
    found = facts.facts(runs.seen("imap://mail.example.org:143", leaf), runs.NOW)
    return {value.partition(" ")[0]: value for _, value in found}


def test_an_address_is_not_said_twice() -> None:
    observation = runs.seen("imap://[2001:db8::7]:143", runs.LEAF, address="2001:db8::7")

    (block,) = outline.blocks(runs.run("audit", observations=(observation,)))

    assert block.labels == ("IMAP [2001:db8::7]:143 STARTTLS",)


def test_an_endpoint_of_another_tool_is_shown_as_it_is() -> None:
    observation = runs.seen("gopher://mail", runs.LEAF)
    found = runs.finding("expired", "error", observation)

    run = runs.run("audit", observations=(observation,), findings=(found,))

    assert outline.blocks(run)[0].labels == ("gopher://mail at 192.0.2.7",)
    assert outline.groups(run)[0].places == ("gopher://mail at 192.0.2.7",)


@pytest.mark.parametrize(
    ("days", "words"),
    [(80, "80 days left"), (1, "1 day left"), (0, "0 days left"), (-1, "expired 1 day ago")],
)
def test_the_days_that_are_left_are_counted(days: int, words: str) -> None:
    found = _values(not_after=runs.NOW + dt.timedelta(days=days))

    assert found["valid"].endswith(words)


def test_many_names_are_cut_short() -> None:
    names = tuple(f"n{i}.example.org" for i in range(10_000))

    assert _values(names=names)["n0.example.org,"].endswith("n3.example.org and 9996 more")


def test_a_certificate_without_any_name_still_has_a_line() -> None:
    found = _values(names=(), subject="", issuer="", self_signed=False)

    assert found["no"] == "no one named"
    assert found["ECDSA"] == "ECDSA P-256, issued by no one named"
    assert _values(self_signed=True)["ECDSA"] == "ECDSA P-256, self-signed"


def test_stores_are_named_with_their_date() -> None:
    sound = runs.seen("imap://mail.example.org:143", runs.LEAF)
    refused = Trust(store="java", date="2020-01-15", verdict="fail", reason="unknown issuer")
    given = Trust(store="given", date=None, verdict="pass")
    trust = (*sound.deployments[0].trust, refused, given)

    lines = [
        value
        for _, value in facts.facts(
            replace(sound, deployments=(replace(sound.deployments[0], trust=trust),)), runs.NOW
        )
    ]

    assert lines[-2:] == ["trusted by mozilla (2026-03-28), given", "refused by java (2020-01-15)"]


def test_certificates_that_differ_by_chance_are_marked_with_their_counts() -> None:
    mixed = runs.fingerprints().observations[1]

    ((question, value),) = [each for each in facts.facts(mixed, runs.NOW) if each[0] == "mixed"]

    leaf, old = (short(each.sha256) for each in (runs.LEAF, runs.OLD))
    assert question == "mixed"
    assert value == f"ECDSA for mail.example.org: {leaf} 6 of 10 times, {old} 4 of 10 times"
    marks = [each.remark for each in outline.fingerprints(runs.run("x", observations=(mixed,)))]
    assert marks == ["seen 6 of 10 times", "seen 4 of 10 times"]


def test_two_kinds_of_key_are_not_mixed() -> None:
    both = runs.seen("imap://mail.example.org:143", runs.LEAF, runs.RSA)

    assert "mixed" not in {label for label, _ in facts.facts(both, runs.NOW)}


def test_a_name_in_a_certificate_is_shown_in_both_forms() -> None:
    names = ("*.xn--strae-oqa.example", "xn--a.example", "xn--")

    assert _values(names=names)["*.xn--strae-oqa.example"] == (
        "*.xn--strae-oqa.example (*.straße.example), xn--a.example, xn--"
    )


def test_a_place_with_two_such_certificates_is_named_once() -> None:
    observation = runs.seen("imaps://mail.example.org:993", runs.LEAF)
    same = replace(runs.finding("self_signed", "error", observation), evidence="mail.example.org")
    other = replace(same, evidence="imap.example.org")

    def places(*found: Finding) -> tuple[str, ...]:
        return outline.groups(runs.run("audit", observations=(observation,), findings=found))[
            0
        ].places

    label = "IMAPS mail.example.org:993 TLS at 192.0.2.7"
    assert places(same, same) == (label,)
    assert places(same, other, same) == (f"{label}: mail.example.org", f"{label}: imap.example.org")


def test_a_reason_is_not_told_twice() -> None:
    url = "imaps://mail.example.org:993"
    observation = runs.unseen(
        url, "tls_failed", "handshake_failed", "TLS handshake failed: internal error"
    )

    assert facts.why(observation) == "TLS failed in the handshake: internal error"


@pytest.mark.parametrize("reason", OUTCOMES)
def test_every_reason_is_told_in_words(reason: str) -> None:
    outcome = next(outcome for each, outcome in OUTCOMES.items() if each == reason)
    observation = runs.unseen("imap://mail.example.org:143", outcome, reason, "its words")

    ((label, value),) = facts.facts(observation, runs.NOW)

    assert label == "outcome"
    assert value.endswith(": its words")
    assert "_" not in value


def test_the_worst_comes_first_and_what_was_not_seen_is_not_counted() -> None:
    observation = runs.seen("imap://mail.example.org:143", runs.LEAF)
    severities = ("info", "error", "note", "warning")
    found = [runs.finding(f"r{s}", s, observation) for s in severities]
    found.append(runs.finding("open", "error", observation, verdict="inconclusive"))

    run = runs.run("audit", observations=(observation,), findings=tuple(found))

    headings = [group.heading for group in outline.groups(run)]
    assert headings == ["error", "not seen", "warning", "note", "info"]
    assert outline.verdict(run) == "1 port, 1 error, 1 warning, 0 not seen"
    assert outline.worst(run) == "error"
    assert outline.worst(runs.run("audit")) is None


def test_a_table_has_the_columns_of_all_rows() -> None:
    rows: tuple[Row, ...] = (
        {"not_after": "x", "n": 1},
        {"n": None, "ok": False, "names": ("a", "b")},
    )

    assert outline.table(rows) == (
        ("not after", "n", "ok", "names"),
        ("x", "1", "", ""),
        ("", "", "no", "a, b"),
    )


def test_the_ports_of_one_host_and_address_are_one_place() -> None:
    services = ("imap://a.example:143", "imaps://a.example:993", "smtp://b.example:25")
    places = [runs.seen(url, runs.LEAF) for url in services]
    places.append(runs.seen("imap://[2001:db8::7]:143", runs.LEAF, address="2001:db8::7"))
    places.append(runs.seen("smtp://[2001:db8::7]:25", runs.LEAF, address="2001:db8::7"))
    found = tuple(runs.finding("x", "error", each) for each in places)

    (group,) = outline.groups(runs.run("audit", observations=tuple(places), findings=found))

    assert group.places == (
        "a.example at 192.0.2.7: IMAP 143, IMAPS 993",
        "SMTP b.example:25 STARTTLS at 192.0.2.7",
        "[2001:db8::7]: IMAP 143, SMTP 25",
    )


@pytest.mark.parametrize(
    ("refusals", "told"),
    [
        (Refusals(singly=("A", "B")), "2 cipher suites, each by itself"),
        (
            Refusals(singly=("A",), with_family=("B", "C")),
            "3 cipher suites, 2 of them with their family, one of which was asked alone",
        ),
    ],
)
def test_it_is_told_how_refusals_are_known(refusals: Refusals, told: str) -> None:
    seen = runs.seen("imap://mail.example.org:143", runs.LEAF, refusals={"TLSv1.2": refusals})

    assert dict(facts.facts(seen, runs.NOW))["refused"] == told
