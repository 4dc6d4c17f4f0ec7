"""`certcheck clients`, and what --clients and the plans take."""

from pathlib import Path

import pytest

from certcheck.lab import pki
from tests.conftest import Certcheck
from tests.zoo.keeper import kept
from tests.zoo.manners import implicit


def test_the_list_has_every_program_with_its_group(certcheck: Certcheck) -> None:
    shown = certcheck("clients", "list")

    assert shown.code == 0
    line = next(line for line in shown.stdout.splitlines() if line.startswith("thunderbird-140 "))
    assert "Thunderbird 140" in line
    assert "TLS 1.2 to 1.3" in line


def test_one_program_is_shown_with_its_sources(certcheck: Certcheck) -> None:
    shown = certcheck("clients", "show", "thunderbird-140")

    assert shown.code == 0
    assert "TLS_AES_128_GCM_SHA256" in shown.stdout
    assert "sources" in shown.stdout
    assert "Sicherheits-Ausnahmeregel" in shown.stdout


def test_a_document_has_a_row_for_each(certcheck: Certcheck) -> None:
    rows = certcheck("clients", "list", "--json").document["rows"]

    assert {"outlook-2016-windows-7", "mail-android-4.4"} <= {row["id"] for row in rows}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["clients", "show", "thunderbrid-140"], "thunderbird-140"),
        (["audit", "imap://a.test", "--clients", "outlok"], "meant outlook?"),
        (["audit", "imap://a.test", "--clients", " , "], "no mail program is selected"),
        (["audit", "imap://a.test", "--plan-tls", "mozilla-intermediat"], "mozilla-intermediate"),
        (["audit", "imap://a.test", "--plan-chain", "missing.pem"], "missing.pem"),
    ],
)
def test_what_is_not_known_is_said_with_what_is_near(
    certcheck: Certcheck, arguments: list[str], words: str
) -> None:
    ended = certcheck(*arguments)

    assert ended.code == 2
    assert words in ended.complaint


def test_a_whole_plan_is_predicted_without_asking_anybody(
    certcheck: Certcheck, tmp_path: Path
) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_bytes(pki.make(pki.Shape(names=("mail.nowhere.test",))).chain)
    plan = ("--plan-tls", "mozilla-intermediate", "--plan-chain", str(chain))

    ended = certcheck(
        "audit", "imap://mail.nowhere.test", "--clients", "thunderbird", *plan, "--json"
    )

    assert ended.code == 0
    document = ended.document
    assert document["connections"] == 0
    assert document["observations"] == []
    result = {each["client"]: each["result"] for each in document["predictions"]}
    assert result["thunderbird-140"] == "asks"


def test_programs_knock_at_the_server_as_it_is(certcheck: Certcheck) -> None:
    with kept(implicit("imap"), "127.0.0.1") as place:
        url = f"imaps://localhost:{place.port}"
        arguments = ("--depth", "quick", "--clients", "thunderbird-140,mail-android-4.4", "--json")

        plain = certcheck("audit", url, "--depth", "quick", "--json", "-4").document
        asked = certcheck("audit", url, *arguments, "-4").document

    found = {each["client"]: each for each in asked["predictions"]}
    assert found["thunderbird-140"]["protocol"] == "TLSv1.3"
    assert found["thunderbird-140"]["result"] == "asks"
    assert found["thunderbird-140"]["fingerprints"][0]["hash"] == "SHA-256"
    assert asked["connections"] == plain["connections"] + 2
