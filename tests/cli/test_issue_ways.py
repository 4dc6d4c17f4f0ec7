"""How `certcheck issue` chooses between http-01 and dns-01, and what it refuses."""

from pathlib import Path

import pytest

from certcheck import config
from certcheck.errors import InputError
from tests.conftest import Certcheck

BUNDLE = """
[site]
state = "state"
[[bundle]]
name = "mail"
names = ["mail.example.org"]
"""
BY_DNS = 'challenge = "dns-01"\ndns_hook = "/usr/local/bin/zone --quick"\n'


def toml(folder: Path, *lines: str) -> Path:
    path = folder / "certcheck.toml"
    path.write_text(BUNDLE + "\n".join(lines) + "\n")
    return path


def challenge(certcheck: Certcheck, file: Path, *options: str) -> object:
    planned = certcheck("issue", "-c", file, "--dry-run", "--json", *options)
    assert planned.code == 0, planned.stderr
    return planned.document["rows"][0]["challenge"]


@pytest.mark.parametrize(
    ("lines", "options", "expected"),
    [
        ("", (), "http-01"),
        ("", ("--dns-hook", "/bin/true"), "dns-01"),
        ("http_port = 8080", ("--dns-hook", "/bin/true"), "dns-01"),
        (BY_DNS, (), "dns-01"),
        (BY_DNS, ("--dns-hook", "/bin/true"), "dns-01"),
        (BY_DNS, ("--http-port", "8080"), "http-01"),
        (BY_DNS, ("--webroot", "."), "http-01"),
    ],
)
def test_the_command_line_beats_the_toml(
    certcheck: Certcheck, tmp_path: Path, lines: str, options: tuple[str, ...], expected: str
) -> None:
    assert challenge(certcheck, toml(tmp_path, lines), *options) == expected


def test_a_wildcard_can_be_had_by_dns(certcheck: Certcheck, tmp_path: Path) -> None:
    options = ("--dns-hook", "/bin/true", "*.example.org", "example.org")

    assert challenge(certcheck, toml(tmp_path), *options) == "dns-01"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--dns-hook", "/bin/true", "--http-port", "80"), "exclude each other"),
        (("--dns-hook", "/bin/true", "--webroot", "."), "exclude each other"),
        (("--webroot", ".", "--http-port", "80"), "exclude each other"),
        (("--dns-hook", ""), "the DNS hook is empty"),
        (("--dns-hook", "'zone"), "no closing quotation"),
        (("--dns-hook", "/bin/true", "192.0.2.7"), "192.0.2.7 cannot be proved by dns-01"),
        (("*.example.org",), "*.example.org cannot be proved by http-01"),
        (("--webroot", "nowhere"), "webroot nowhere is no directory"),
    ],
)
def test_contradictions_are_refused(
    certcheck: Certcheck, tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    refused = certcheck("issue", "-c", toml(tmp_path), *options)

    assert refused.code == 2
    assert complaint in refused.complaint


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ('challenge = "dns-01"', 'mail: challenge = "dns-01" needs a dns_hook'),
        ('dns_hook = "x"', 'mail: dns_hook needs challenge = "dns-01"'),
        (BY_DNS + 'webroot = "."', 'webroot and http_port are for challenge = "http-01"'),
        (BY_DNS + "http_port = 80", 'webroot and http_port are for challenge = "http-01"'),
        ('challenge = "tls-alpn-01"', "challenge: "),
    ],
)
def test_contradictions_in_the_toml_are_refused(tmp_path: Path, lines: str, complaint: str) -> None:
    with pytest.raises(InputError) as refused:
        config.load(toml(tmp_path, lines))

    assert complaint in refused.value.message
