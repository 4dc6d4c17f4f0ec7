"""The whole night: from Debian 11 to Debian 13, with the real servers of both."""

import re
from pathlib import Path

import pytest

from certcheck.lab.generations import Generations
from certcheck.lab.generations.plan import SERVICE, SERVICES
from certcheck.lab.plan import HOST
from tests.generations.moving import Control, read, told
from tests.generations.test_hosts import STARTTLS

LONGEST = 3.0  # seconds that a port may be away while the address moves


@pytest.fixture
def control(lab: Generations, tmp_path: Path) -> Control:
    return Control(lab=lab, folder=tmp_path)


def test_a_mail_host_moves_in_one_night(control: Control) -> None:
    lab, before = control.lab, control.folder / "before.json"
    accounts, trust = control.accounts(), control.trusting()

    kept = control.run("snapshot", "-o", before, "--mailboxes", accounts, *service(), *trust)
    assert kept.code == 0, kept.stdout + kept.stderr
    assert "16 services with TLS, 0 without, 0 closed, 0 not seen" in kept.stdout

    issued = control.run("issue", "--json")
    assert issued.code == 0, issued.stderr
    installed = control.run("install", "--yes", "--json")
    assert installed.code == 0, installed.stderr

    ahead = control.run(
        *("verify", "--before", before, "--bundle", "mail", "--json"), *control.at(lab.new), *trust
    )
    assert ahead.code == 0, [c for c in ahead.document["changes"] if c["class"] != "expected"]

    outage = control.folder / "outage.json"
    with control.watching(outage):
        lab.copy_mailboxes()
        lab.move_address("new")
        lab.old.stop("dovecot")
        lab.old.stop("postfix")

        done = control.run(
            *("verify", "--before", before, "--bundle", "mail", "--mailboxes", accounts),
            *("--mail", accounts, "--retired", lab.old.address.ipv4, "--json"),
            *(*service(), *trust),
        )

    changes = told(done)
    assert done.code == 0, {k: v for k, v in changes.items() if k[1] in {"lost", "weakened"}}
    assert len(changes["deployments", "announced"]) == 16
    gone = changes["protocols", "expected"]
    assert {c["endpoint"].split(":")[0] for c in gone} == {
        "imap",
        "imaps",
        "pop3",
        "pop3s",
        "sieve",
    }
    assert all("TLSv1.0 is gone" in c["message"] for c in gone)
    assert {row["outcome"] for row in done.document["rows"] if "leg" in row} == {"passed"}
    assert [m["login"] for m in done.document["mailboxes"]] == sorted(
        line.split()[0] for line in accounts.read_text().splitlines()
    )

    _the_watch_reports_the_outage(outage, done.document["certificates"])
    _openssl_sees_the_same_everywhere(lab, installed.document["bundle"])
    shown = control.run("verify", "--before", before, "--bundle", "mail", *service(), *trust)
    assert shown.stdout.startswith("Good: 16 ports serve mail/1, and nothing was lost or weakened")


def service() -> tuple[str, ...]:
    """The public addresses; certcheck.toml gives the new host's own."""
    first, second = SERVICE.both
    return ("--connect-to", f"{HOST}::{first}", "--connect-to", f"{HOST}::[{second}]")


def _the_watch_reports_the_outage(file: Path, certificates: dict[str, object]) -> None:
    rows = read(file)["rows"]

    assert len(rows) == 16
    for row in rows:
        assert row["handshakes"] > 10
        assert row["longest_gap_seconds"] < LONGEST
        spells = [each.split()[0] for each in row["certificates"]]
        assert len(spells) == 2
        assert spells[1] in certificates
        assert spells[0] not in certificates


def _openssl_sees_the_same_everywhere(lab: Generations, ref: str) -> None:
    assert ref == "mail/1"
    seen = {_fingerprint(lab, address, scheme) for address in SERVICE.both for scheme in SERVICES}

    stored = lab.path / "state/bundles/mail/1/chain-ecdsa.pem"
    wanted = lab.client.run(
        ["openssl", "x509", "-in", stored, "-noout", "-fingerprint", "-sha256"]
    ).stdout
    assert seen == {wanted.partition("=")[2].strip()}


def _fingerprint(lab: Generations, address: str, scheme: str) -> str:
    place = f"[{address}]:{SERVICES[scheme]}" if ":" in address else f"{address}:{SERVICES[scheme]}"
    shown = lab.client.run(
        ["openssl", "s_client", "-connect", place, "-servername", HOST, *STARTTLS.get(scheme, ())]
    ).stdout
    (pem,) = re.findall(r"-----BEGIN.*?-----END CERTIFICATE-----", shown, re.DOTALL)[:1]
    told = lab.client.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256"], stdin=pem
    ).stdout
    return told.partition("=")[2].strip()
