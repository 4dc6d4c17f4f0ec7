import io
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certcheck.model.change import Acceptance
from certcheck.model.run import Failure, Run
from certcheck.report import markdown, terminal
from tests.report import predictions, runs, verifications

_GOLDEN = Path(__file__).parents[2] / "fixtures" / "reports"
_RUNS: dict[str, Callable[[], Run]] = {
    "audit": runs.audit,
    "clients": predictions.audit,
    "domain": runs.domain,
    "fingerprints": runs.fingerprints,
    "install": runs.install,
    "snapshot": verifications.snapshot,
    "verify": verifications.verified,
    "verify-clean": verifications.clean,
    "watch": runs.watch,
}
_COLUMNS = ("text", "host", "service", "address", "before", "after")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_HOSTILE = (
    "\x1b[31mESC",
    "\x1b]8;;https://evil.example\x1b\\OSC-8",
    "\u202ebidi",
    "\x9b31mC1",
    "line\r\nbreak",
    "\u200bzero",
    "\udcffsurrogate",
)


def shown(run: Run, *, color: bool = False, width: int | None = 100) -> str:
    stream = io.StringIO()
    terminal.write(run, stream, color=color, width=width)
    return stream.getvalue()


def marked(run: Run) -> str:
    stream = io.StringIO()
    markdown.write(run, stream)
    return stream.getvalue()


def hostile(text: str, command: str = "audit") -> Run:
    """A run in which everything from outside is this text."""
    leaf = runs.certificate(text, subject=text, issuer=text, names=(text,))
    sound = runs.seen("imap://mail.example.org:143", leaf)
    deployment = replace(sound.deployments[0], trust=())
    observations = (
        replace(sound, deployments=(deployment,)),
        runs.unseen("smtp://mail.example.org:25", "tls_failed", "handshake_failed", text),
    )
    why = Acceptance(reason=text, by=text, at=runs.NOW)
    facts: dict[str, Any] = {"message": text, "evidence": text, "remedy": {"dovecot": text}}
    return runs.run(
        command,
        error=Failure(message=text, hint=text),
        observations=observations,
        findings=(runs.finding("expired", "error", observations[0], **facts),),
        rows=({"name": text, text: "x", **dict.fromkeys(_COLUMNS, text)},),
        changes=(
            verifications.change("outcome", "lost", observations[0], text, id=text, accepted=why),
        ),
    )


def _golden(name: str, text: str) -> str:
    path = _GOLDEN / name
    if os.environ.get("CERTCHECK_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return path.read_text()


@pytest.mark.parametrize("name", _RUNS)
def test_the_terminal_shows_what_it_showed_before(name: str) -> None:
    text = shown(_RUNS[name]())

    assert text == _golden(f"{name}.txt", text)


@pytest.mark.parametrize("name", _RUNS)
def test_the_markdown_file_is_what_it_was_before(name: str) -> None:
    text = marked(_RUNS[name]())

    assert text == _golden(f"{name}.md", text)


def test_the_verdict_comes_first() -> None:
    first = shown(runs.audit()).splitlines()[0]

    assert first == "6 ports, 2 errors, 1 warning, 1 not seen"


def test_how_names_were_found_stands_between_the_verdict_and_what_was_seen() -> None:
    shown_lines = shown(replace(runs.domain(), error=None)).splitlines()

    places = [shown_lines.index(line) for line in shown_lines if line.startswith(("name", "SMTP"))]
    assert shown_lines[0].startswith("3 ports")
    assert places == sorted(places)
    assert len(places) == 2


@pytest.mark.parametrize("seen", [True, False])
def test_what_is_told_of_a_domain_is_shown_whatever_was_seen(*, seen: bool) -> None:
    run = runs.domain()
    run = run if seen else replace(run, observations=(), rows=run.rows[-2:])

    assert "example.org: SRV _pop3._tcp: not offered" in shown(run)
    assert "example.org: SRV \\_pop3.\\_tcp: not offered" in marked(run)


@pytest.mark.parametrize("text", _HOSTILE)
def test_names_and_ways_from_a_zone_never_come_through_raw(text: str) -> None:
    values = {"name": text, "services": (text,), "found_by": (text,), "note": text}
    rows = (values, {**values, "found_by": ()})
    run = runs.run("audit", rows=rows)

    for line in (*shown(run).splitlines(), *marked(run).splitlines()):
        assert line.isprintable()


def test_a_fingerprint_line_has_the_form_of_the_contract() -> None:
    first, second, *_ = shown(runs.fingerprints(), width=40).splitlines()

    assert re.fullmatch(
        r"IMAP mail\.example\.org:143 STARTTLS 192\.0\.2\.7 ECDSA SHA-256 (\w\w:){31}\w\w", first
    )
    assert re.fullmatch(r"    SHA-1 (\w\w:){19}\w\w", second)


@pytest.mark.parametrize("width", [20, 40, 80, None])
def test_a_fingerprint_is_never_broken_nor_an_emoji(width: int | None) -> None:
    # One SHA-256 in five holds something such as :AB: that rich would take for an emoji.
    leaf = runs.certificate("x", sha256="ab" * 32, sha1="cd" * 20)
    run = runs.run("fingerprints", observations=(runs.seen("imap://mail.example.org:143", leaf),))
    table = runs.run("install", rows=({"bundle": "mail/1", "new": ":".join(["AB"] * 32)},))

    assert ":".join(["AB"] * 32) in shown(run, width=width)
    assert ":".join(["CD"] * 20) in shown(run, width=width)
    assert ":".join(["AB"] * 32) in shown(table, width=width, color=True)
    assert f"`{':'.join(['AB'] * 32)}`" in marked(table)


@pytest.mark.parametrize("command", ["audit", "fingerprints", "install", "snapshot", "verify"])
@pytest.mark.parametrize("text", _HOSTILE)
@pytest.mark.parametrize("color", [True, False])
def test_hostile_text_never_comes_through_raw(text: str, command: str, *, color: bool) -> None:
    run = hostile(text, command)

    plain = _ANSI.sub("", shown(run, color=color))
    for line in (*plain.splitlines(), *marked(run).splitlines()):
        assert line.isprintable()


def test_color_codes_are_only_our_own() -> None:
    text = shown(hostile("\x1b[31m"), color=True)

    assert "\x1b[31m" not in text.replace("\x1b[1;31m", "")
    assert "\\x1b[31m" in text


@pytest.mark.parametrize("text", ["[red]x[/red]", ":smile: :AB:", "[link=https://x]y[/link]"])
def test_markup_is_shown_and_not_obeyed(text: str) -> None:
    assert shown(hostile(text)).count(text) >= 6


def test_html_and_markdown_from_outside_are_text() -> None:
    text = marked(hostile("<script>alert(1)</script> | [x](y) `z`"))
    prose = "\n".join(
        line for line in re.sub(r"(`+) ?.*?\1", "", text).splitlines() if "Source:" not in line
    )

    assert "<script>" not in prose.partition("Dovecot:")[0]
    assert "[x]" not in prose.partition("Dovecot:")[0]


def test_without_color_there_is_no_escape_code() -> None:
    assert "\x1b" not in shown(runs.audit(), color=False)
    assert "\x1b[" in shown(runs.audit(), color=True)
    assert _ANSI.sub("", shown(runs.audit(), color=True)) == shown(runs.audit())


def test_lines_fit_the_terminal_and_are_left_alone_in_a_file() -> None:
    message = "A long message " * 30
    observation = runs.seen("imap://mail.example.org:143", runs.LEAF)
    run = runs.run(
        "audit",
        observations=(observation,),
        findings=(runs.finding("expired", "error", observation, message=message.strip()),),
    )

    narrow, free = shown(run, width=80), shown(run, width=None)

    assert max(map(len, narrow.splitlines())) <= 80
    assert message.strip() in free


def test_the_same_finding_over_many_ports_is_said_once() -> None:
    many = tuple(runs.seen(f"imap://mail.example.org:{port}", runs.LEAF) for port in range(1, 301))
    found = tuple(runs.finding("old_protocol", "error", each, message="Same.") for each in many)

    text = shown(runs.run("audit", observations=many, findings=found))

    assert text.startswith("300 ports, 1 error, ")
    assert text.count("Same.") == 1
    assert "and 288 more" in text
    assert len(text.splitlines()) < 50


def test_different_replies_of_the_servers_stand_beside_their_ports() -> None:
    one, two = (runs.seen(f"imap://mail.example.org:{port}", runs.LEAF) for port in (143, 144))
    found = tuple(
        runs.finding("tls_failed", "error", each, message="Same.", evidence=reply)
        for each, reply in ((one, "454 a"), (two, "454 b"))
    )

    text = shown(runs.run("audit", observations=(one, two), findings=found))

    assert "IMAP mail.example.org:143 STARTTLS at 192.0.2.7: 454 a" in text
    assert "IMAP mail.example.org:144 STARTTLS at 192.0.2.7: 454 b" in text


def test_only_the_remedy_for_the_server_at_hand_is_shown() -> None:
    both = {"dovecot": "in dovecot.conf", "postfix": "in main.cf"}
    smtp, imap = (runs.seen(f"{s}://mail.example.org:1", runs.LEAF) for s in ("smtp", "imap"))

    def text(*places: Any) -> str:
        found = tuple(runs.finding("x", "error", each, remedy=both) for each in places)
        return shown(runs.run("audit", observations=places, findings=found))

    assert ("in main.cf" in text(smtp), "in dovecot.conf" in text(smtp)) == (True, False)
    assert ("in main.cf" in text(imap), "in dovecot.conf" in text(imap)) == (False, True)
    assert "in main.cf" in text(imap, smtp)
    assert "in dovecot.conf" in text(imap, smtp)


@pytest.mark.parametrize("command", ["audit", "fingerprints", "issue", "demo"])
def test_an_empty_run_is_no_trouble(command: str) -> None:
    assert shown(runs.run(command)) == ("nothing was looked at\n" if command == "audit" else "")
    assert marked(runs.run(command)).startswith(f"# certcheck {command}\n")


def test_an_error_says_what_and_what_next() -> None:
    error = Failure(message="the lock is held", hint="wait for the other run")

    assert shown(runs.run("issue", error=error)).splitlines() == [
        "error: the lock is held",
        "       wait for the other run",
    ]


def test_a_terminal_that_knows_only_ascii_gets_ascii() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")

    terminal.write(runs.run("issue", rows=({"name": "straße"},)), stream, color=False, width=80)
    stream.flush()

    assert raw.getvalue().splitlines() == [b"stra\\xdfe"]


def test_a_run_can_be_a_part_of_a_larger_file() -> None:
    stream = io.StringIO()

    markdown.body(runs.audit(), stream, level=3)

    headings = [line for line in stream.getvalue().splitlines() if line.startswith("#")]
    assert headings[:3] == ["### What was seen", "### Findings", "#### error: `expired`"]


def _large(hosts: int = 40, ports: int = 8) -> Run:
    whole = verifications.verified()
    urls = [f"imap://mail{h}.example.org:{1000 + p}" for h in range(hosts) for p in range(ports)]
    seen = tuple(runs.seen(url, runs.LEAF) for url in urls)
    changes = tuple(
        change
        for each in seen
        for change in (
            verifications.change(
                "deployments", "announced", each, "the certificate of mail/3 is served"
            ),
            verifications.change("size", "weakened", each, "the largest message is 4.8 MiB now"),
        )
    )
    rows = tuple(verifications.row(each, "TLS 1.0 1.2", "TLS 1.2 1.3") for each in seen)
    return replace(whole, observations=seen, changes=changes, rows=rows, findings=())


def test_hundreds_of_endpoints_are_told_in_a_few_lines_the_verdict_first() -> None:
    lines = shown(_large(), width=100).splitlines()

    assert lines[0] == "Not good: 1 is weakened."
    assert len(lines) < 200
    assert sum("the largest message is 4.8 MiB" in line for line in lines) == 1
    assert any("and 28 more" in line for line in lines)


def test_hundreds_of_endpoints_stand_in_full_in_a_file() -> None:
    text = marked(_large())

    assert all(f"mail{number}.example.org" in text for number in range(40))
    assert text.index("Not good") < text.index("mail39")
