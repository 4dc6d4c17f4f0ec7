"""Who orders a certificate: what the options and certcheck.toml say together."""

from pathlib import Path

import pytest

from tests.conftest import Certcheck

ACME = '[site]\nstate = "state"\n[[bundle]]\nname = "mail"\nnames = ["mail.example.test"]\n'
CERTBOT = f'{ACME}via = "certbot"\ncertbot_args = "--dns-rfc2136"\n'


def planned(certcheck: Certcheck, folder: Path, toml: str, *options: str) -> str:
    (folder / "certcheck.toml").write_text(toml)
    run = certcheck("issue", "--dry-run", "--json", *options)
    assert run.code == 0, run.stderr
    challenge: str = run.document["rows"][0]["challenge"]
    return challenge


def test_the_table_says_who_orders_and_the_option_has_the_last_word(
    certcheck: Certcheck, tmp_path: Path
) -> None:
    assert planned(certcheck, tmp_path, ACME) == "http-01"
    assert planned(certcheck, tmp_path, CERTBOT) == "certbot"
    assert planned(certcheck, tmp_path, ACME, "--via", "certbot") == "certbot"
    assert planned(certcheck, tmp_path, CERTBOT, "--via", "acme") == "http-01"
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("toml", "options", "words"),
    [
        (ACME, ["--certbot-args", "-a x"], "--certbot-args without --via certbot"),
        (CERTBOT, ["--via", "acme", "--certbot-args", "-a x"], "without --via certbot"),
        (CERTBOT, ["--certbot-args", "'"], "--certbot-args: No closing quotation"),
        (CERTBOT, ["--certbot-args", "--staging"], "--staging is not given there"),
        (CERTBOT, ["--webroot", "/"], "both choose a proof"),
        (ACME, ["--via", "certbot", "*.example.test"], "cannot be proved by http-01"),
        (ACME, ["--via", "lego"], "lego"),
    ],
)
def test_contradictions_are_told_before_anything_is_done(
    certcheck: Certcheck, tmp_path: Path, toml: str, options: list[str], words: str
) -> None:
    (tmp_path / "certcheck.toml").write_text(toml)

    refused = certcheck("issue", *options)

    assert refused.code == 2
    assert words in refused.complaint
    assert not (tmp_path / "state").exists()
