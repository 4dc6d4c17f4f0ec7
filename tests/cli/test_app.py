"""The command line itself: help, versions, mistakes, and what is not loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Certcheck

COMMANDS = ["demo", "fingerprints", "audit", "issue", "install", "recover", "lab up"]


def test_help_lists_the_commands_and_the_exit_codes(certcheck: Certcheck) -> None:
    shown = certcheck("--help")

    assert shown.code == 0
    assert [c for c in COMMANDS if c.split()[0] not in shown.stdout] == []
    assert "Exit codes: 0 good, 1 judged bad, 2 bad input" in shown.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_an_example(certcheck: Certcheck, command: str) -> None:
    shown = certcheck(*command.split(), "--help")

    assert shown.code == 0
    assert f"Example: certcheck {command}" in shown.stdout


def test_version(certcheck: Certcheck) -> None:
    assert certcheck("--version").stdout == "certcheck 0.1.0\n"


def test_help_loads_nothing_heavy() -> None:
    heavy = {"sslyze", "nassl", "acme", "josepy", "certbot", "cryptography", "jinja2", "dns"}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "certcheck", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }

    assert "certcheck" in loaded
    assert loaded & heavy == set()


@pytest.mark.parametrize("form", [["--json"], ["--jsonl"]])
def test_looking_loads_only_what_it_needs(form: list[str], tmp_path: Path) -> None:
    needless = {"pydantic", "rich", "dns", "jinja2", "sslyze", "acme", "babel"}
    needless |= {f"certcheck.report.{each}" for each in ("html", "markdown", "terminal")}
    script = (
        "import sys\n"
        "from certcheck.cli.app import main\n"
        "try: main()\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    words = [sys.executable, "-c", script, "fingerprints", "imap://127.0.0.1:1", *form]

    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)

    loaded = set(done.stderr.split())
    assert done.returncode == 3
    assert "certcheck.report.json" in loaded
    assert loaded & needless == set()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], "frobnicate"),
        (["audit", "--depth", "deep", "imap://a.example"], "deep"),
        (["audit", "--timeout", "never", "imap://a.example"], "--timeout"),
        (["audit", "--per-host", "0", "imap://a.example"], "--per-host"),
        (["audit", "--jsonl", "imap://a.example"], "--jsonl"),
        (["lab", "up"], "--dir"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(
    certcheck: Certcheck, arguments: list[str], words: str
) -> None:
    ended = certcheck(*arguments)

    assert ended.code == 2
    assert words in ended.complaint
    assert ended.stdout == ""


def test_a_mistake_is_a_document_with_json(certcheck: Certcheck) -> None:
    ended = certcheck("audit", "--json", "--depth", "deep", "imap://a.example")

    assert ended.code == 2
    assert "deep" in ended.document["error"]["message"]
    assert ended.document["command"] == "audit"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://a.example", "unknown protocol 'http'"),
        ("imap://../../etc", "'../../etc'"),
        ("imap://a\nb.example", r"'a\nb.example'"),
        ("imap://a.example:0", "'0' is not a port"),
        ("imap://a.example:99999", "'99999' is not a port"),
        ("a.example:993", "does not say which protocol"),
        ("imap://\uff11\uff12\uff17.0.0.1", "reads as an IP address"),
        ("@nowhere.txt", "cannot read nowhere.txt"),
        ("\x1b[31mred", r"\x1b"),
    ],
)
def test_a_bad_target_is_refused(certcheck: Certcheck, target: str, words: str) -> None:
    ended = certcheck("fingerprints", target)

    assert ended.code == 2
    assert words in ended.complaint
    assert "\x1b" not in ended.stderr


def test_a_bad_line_of_a_target_file_is_named(certcheck: Certcheck, tmp_path: Path) -> None:
    (tmp_path / "targets").write_text("# ours\n\nimap://a.example\nimap://b..example\n")

    ended = certcheck("fingerprints", "@targets")

    assert ended.code == 2
    assert "targets:4: host name 'b..example'" in ended.complaint


def test_without_a_target_and_a_site_there_is_nothing_to_ask(certcheck: Certcheck) -> None:
    ended = certcheck("audit")

    assert ended.code == 2
    assert "no TARGET given" in ended.complaint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("imap.example.test", "not NAME:PORT:ADDRESS"),
        ("imap.example.test:993:other.example", "is not an IP address"),
        ("imap.example.test:x:127.0.0.1", "'x' is not a port"),
    ],
)
def test_a_bad_redirection_is_refused(certcheck: Certcheck, text: str, words: str) -> None:
    ended = certcheck("fingerprints", "--connect-to", text, "imap://imap.example.test")

    assert ended.code == 2
    assert words in ended.complaint


def test_both_address_families_at_once_are_a_mistake(certcheck: Certcheck) -> None:
    assert certcheck("fingerprints", "-4", "-6", "imap://localhost").code == 2


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_cannot_be_used_is_refused(
    certcheck: Certcheck, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)

    ended = certcheck("audit", "--ca-file", "ca.pem", "imap://localhost")

    assert ended.code == 2
    assert "ca.pem" in ended.complaint


def test_alone_it_shows_its_help(certcheck: Certcheck) -> None:
    shown = certcheck()

    assert shown.code == 2
    assert shown.stdout == certcheck("--help").stdout
    assert shown.stderr == ""


@pytest.mark.parametrize("content", ["", "# nothing\n\n"])
def test_an_empty_list_of_targets_is_not_good(
    certcheck: Certcheck, tmp_path: Path, content: str
) -> None:
    (tmp_path / "targets").write_text(content)

    assert "is empty" in certcheck("audit", "@targets").complaint
    assert certcheck("fingerprints", "-", stdin=content).code == 2


def test_a_list_of_targets_may_have_a_byte_order_mark(certcheck: Certcheck, tmp_path: Path) -> None:
    (tmp_path / "targets").write_text("\ufeffimap://127.0.0.1:9\n")

    assert certcheck("fingerprints", "@targets").code == 3


def test_what_is_no_list_is_refused_in_few_words(certcheck: Certcheck, tmp_path: Path) -> None:
    (tmp_path / "line").write_text("x" * 1_000_000)
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(65 * 1024 * 1024)

    assert len(certcheck("audit", "@line").complaint) < 500
    assert "larger than 64 MiB" in certcheck("audit", "@huge").complaint


def test_a_password_in_a_target_is_not_repeated(certcheck: Certcheck) -> None:
    refused = certcheck("audit", "imap://user:pw-secret@mail.example.test/")

    assert refused.code == 2
    assert "no user name or password" in refused.complaint
    assert "pw-secret" not in refused.stderr


def test_a_closed_port_that_was_asked_for_is_a_finding(certcheck: Certcheck) -> None:
    ended = certcheck("audit", "--json", "imap://127.0.0.1:9")

    assert ended.code == 1
    assert [f["rule"] for f in ended.document["findings"]] == ["port_closed"]
    assert ended.document["observations"][0]["outcome"] == "closed"


def test_fingerprints_of_a_closed_port_are_exit_3(certcheck: Certcheck) -> None:
    ended = certcheck("fingerprints", "imap://127.0.0.1:9")

    assert ended.code == 3
    assert "closed" in ended.stdout


def test_an_unknown_host_is_exit_3(certcheck: Certcheck) -> None:
    ended = certcheck("audit", "--json", "imap://no-such-host.invalid")

    assert ended.code == 3
    assert ended.document["observations"][0]["reason"] == "unresolved"


def test_a_host_without_any_mail_port_is_exit_3(certcheck: Certcheck) -> None:
    ended = certcheck("fingerprints", "127.66.66.66")

    assert ended.code == 3
    assert "no mail port of 127.66.66.66 is open" in ended.complaint


def test_an_unknown_key_in_the_toml_is_exit_2(certcheck: Certcheck, tmp_path: Path) -> None:
    (tmp_path / "certcheck.toml").write_text("[site]\nstat = 'x'\n")

    ended = certcheck("audit", "--json")

    assert ended.code == 2
    assert "unknown key 'stat' (meant 'state'?)" in ended.document["error"]["message"]
    assert "unknown key 'stat'" in ended.complaint


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["../../etc"], "'../../etc'"),
        (["a\nb.example"], r"'a\nb.example'"),
        (["*.example.org"], "cannot be proved by http-01"),
        ([], "no NAME given"),
        (["--bundle", "../x", "a.example"], "names no bundle"),
        (["--bundle", "gone"], "no [[bundle]] is called 'gone'"),
    ],
)
def test_a_name_that_cannot_be_ordered_is_refused(
    certcheck: Certcheck, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "certcheck.toml").write_text("[site]\nstate = 'state'\n")

    ended = certcheck("issue", *arguments)

    assert ended.code == 2
    assert words in ended.complaint
    assert not (tmp_path / "state").exists()


def test_a_certificate_authority_out_of_reach_is_exit_3(
    certcheck: Certcheck, tmp_path: Path
) -> None:
    (tmp_path / "certcheck.toml").write_text("[site]\nstate = 'state'\n")

    ended = certcheck("issue", "--directory", "https://127.0.0.1:9/dir", "--json", "a.example")

    assert ended.code == 3
    assert "127.0.0.1:9" in ended.document["error"]["message"]
