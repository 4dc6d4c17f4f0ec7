"""TLSA records in a signed zone decide whether an installation begins."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from certcheck import x509
from certcheck.judge.dane import fitting
from certcheck.lab import Lab, publish
from certcheck.model.certificate import Certificate
from tests.conftest import Certcheck, Ended
from tests.live.hosting import files, leaf, served, toml
from tests.name_server import Behaviour, Question, answer, kind, running

OTHER = "ab" * 32


@pytest.fixture
def ready(issued: Lab) -> Iterator[Lab]:
    """The shared lab with a generation to install; afterwards its zone is as it was."""
    yield issued
    publish(issued, "")


def chain(lab: Lab, ref: str) -> tuple[Certificate, ...]:
    pem = lab.path / "state" / "bundles" / ref / "chain-ecdsa.pem"
    return x509.chain(pem.read_bytes(), where=str(pem))


def newest(lab: Lab) -> str:
    numbers = (int(path.name) for path in lab.path.glob("state/bundles/mail/*"))
    return f"mail/{max(numbers)}"


def missing(lab: Lab, owner: str) -> str:
    """The line to publish for the generation that would be installed."""
    return f"{owner}.example.test. IN TLSA {fitting(chain(lab, newest(lab))[0])}"


def refused(lab: Lab, certcheck: Certcheck, *options: str, config: Path | None = None) -> Ended:
    """An installation that ends before it begins, with everything as it was."""
    before, old, journals = files(lab), served(lab), sorted(lab.path.glob("state/journal/*"))

    done = certcheck("install", "-c", config or lab.config, *options)

    assert done.code == 3
    assert files(lab) == before
    assert served(lab) == old
    assert sorted(lab.path.glob("state/journal/*")) == journals
    return done


def resolver_of(lab: Lab, port: int) -> Path:
    return toml(lab, (f'"{lab.resolver}"', f'"127.0.0.1:{port}"'))


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_secure_record_of_another_key_stops_and_the_missing_one_is_printed(
    ready: Lab, certcheck: Certcheck, options: tuple[str, ...]
) -> None:
    owner = f"_{ready.ports.imaps}._tcp.imap"
    publish(ready, f"{owner} 60 IN TLSA 3 1 1 {OTHER}")

    done = refused(ready, certcheck, *options)

    assert f" missing: {missing(ready, owner)} (" in done.complaint
    assert "two TTLs" in done.complaint
    assert "--tlsa-later" in done.complaint


def test_every_name_and_port_is_told_in_one_line(ready: Lab, certcheck: Certcheck) -> None:
    ports = (ready.ports.imaps, ready.ports.submissions)
    owners = [f"_{port}._tcp.{name}" for port in ports for name in ("mail", "smtp")]
    publish(ready, "\n".join(f"{owner} 60 IN TLSA 3 1 1 {OTHER}" for owner in owners))

    done = refused(ready, certcheck)

    assert all(missing(ready, owner) in done.complaint for owner in owners)


def test_a_bogus_record_stops_and_is_not_taken_for_none(ready: Lab, certcheck: Certcheck) -> None:
    owner = f"_{ready.ports.smtp}._tcp.mail"
    good = fitting(chain(ready, newest(ready))[0])
    publish(ready, f"{owner} 60 IN TLSA {good}", unsigned=[owner])

    done = refused(ready, certcheck)

    assert f"bogus TLSA, DNSSEC is broken: {owner}.example.test TLSA" in done.complaint
    assert "IN TLSA" not in done.complaint
    assert "[site] resolver" in done.complaint


def test_servfail_stops_and_is_not_taken_for_none(ready: Lab, certcheck: Certcheck) -> None:
    def broken(question: Question) -> bytes:
        return answer(question, rcode=dns.rcode.SERVFAIL)

    with running(broken) as resolver:
        done = refused(ready, certcheck, config=resolver_of(ready, resolver.port))

    assert "cannot tell whether there are TLSA records: _" in done.complaint
    assert "SERVFAIL" in done.complaint
    assert "--tlsa-later" in done.complaint


def test_a_silent_resolver_stops_once_for_all_names(ready: Lab, certcheck: Certcheck) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        config = resolver_of(ready, silent.getsockname()[1])
        begun = time.monotonic()
        done = refused(ready, certcheck, "--dry-run", config=config)

    assert time.monotonic() - begun < 30
    assert "no answer within" in done.complaint
    assert " and " in done.complaint
    assert " more (" in done.complaint


def test_an_insecure_record_of_another_key_is_a_note(ready: Lab, certcheck: Certcheck) -> None:
    owner = f"_{ready.ports.smtp}._tcp.mail"

    with running(_insecure(owner)) as resolver:
        done = certcheck("install", "-c", resolver_of(ready, resolver.port), "--dry-run", "--json")

    assert done.code == 0
    (note,) = [row["note"] for row in done.document["rows"] if "TLSA" in row["note"]]
    assert "clients ignore them" in note
    assert missing(ready, owner) in note


def _insecure(owner: str) -> Behaviour:
    def behave(question: Question) -> bytes:
        if kind(question) == "TLSA" and str(question.question[0].name).startswith(f"{owner}."):
            return answer(question, f"{owner}.example.test. TLSA 3 1 1 {OTHER}")
        return answer(question, rcode=dns.rcode.NXDOMAIN)

    return behave


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_reason_must_be_given(ready: Lab, certcheck: Certcheck, reason: str) -> None:
    done = certcheck("install", "-c", ready.config, "--tlsa-later", reason)

    assert done.code == 2
    assert "--tlsa-later takes a reason" in done.complaint


def test_a_reason_overrules_and_is_recorded_and_later_records_that_match_pass(
    fresh_lab: Lab, certcheck: Certcheck
) -> None:
    owner = f"_{fresh_lab.ports.imaps}._tcp.imap"
    why = "ticket 42: DNS follows"
    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    publish(fresh_lab, f"{owner} 60 IN TLSA 3 1 1 {OTHER}")

    overruled = certcheck("install", "-c", fresh_lab.config, "--tlsa-later", why, "--json")

    assert overruled.code == 0
    assert overruled.document["inputs"]["tlsa_later"] == why
    notes = [row["note"] for row in overruled.document["rows"]]
    assert notes[0] == f"--tlsa-later: {why}"
    assert missing(fresh_lab, owner) in notes[1]
    (events,) = fresh_lab.path.glob("state/journal/*-install/events.jsonl")
    assert json.loads(events.read_text().splitlines()[0])["notes"] == notes
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/1")}

    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    server, *authorities = chain(fresh_lab, "mail/2")
    publish(
        fresh_lab,
        f"{owner} 60 IN TLSA 3 1 1 {OTHER}\n{owner} 60 IN TLSA {fitting(server)}\n"
        f"_{fresh_lab.ports.smtp}._tcp.mail 60 IN TLSA 2 1 1 {authorities[0].spki_sha256}",
    )

    matching = certcheck("install", "-c", fresh_lab.config, "--json")

    assert matching.code == 0
    assert matching.document["rows"] == []
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/2")}
