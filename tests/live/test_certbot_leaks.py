"""No secret of certbot's is shown by certcheck, nor handed to it where others can read it."""

import json
from base64 import urlsafe_b64encode
from pathlib import Path

from certcheck.lab import Lab
from tests.live.certbots import certbots, directories
from tests.live.pebbles import PebbleMaker, new_pebble
from tests.live.test_leaks import PIECE, keys, pieces, watched

__all__ = ["new_pebble"]  # a fixture


def test_no_key_of_a_lineage_is_shown(fresh_lab: Lab, tmp_path: Path) -> None:
    own = certbots(fresh_lab)
    site = ("-c", own.config)

    shown = [
        watched(tmp_path, "issue", *site),
        watched(tmp_path, "issue", *site, "--certbot-args", "--force-renewal", "--json"),
        watched(tmp_path, "install", *site, "--dry-run"),
        watched(tmp_path, "install", *site, "--json", "-o", "install.json"),
    ]

    logs = [path.read_bytes() for path in fresh_lab.path.rglob("*.log*") if path.is_file()]
    reports = [path.read_bytes() for path in tmp_path.glob("*.json")]
    everything = b"\n".join((*shown, *logs, *reports))
    lineage = [path.read_bytes() for path in own.home.rglob("privkey*.pem")]
    secrets = {piece for pem in (*lineage, *keys(fresh_lab)) for piece in pieces(pem)}
    secrets |= account_secrets(own.home)
    assert len(secrets) > 10
    assert b"certonly" in everything  # the watch has seen certbot
    assert b"certbot version" in everything  # its log is there
    assert [secret for secret in secrets if secret in everything] == []


def account_secrets(home: Path) -> set[bytes]:
    """The private parts of certbot's account key, as its own file has them."""
    (file,) = home.rglob("private_key.json")
    key = json.loads(file.read_text())
    return {key[part][:PIECE].encode() for part in ("d", "p", "q") if part in key}


def test_the_key_of_an_account_binding_is_not_shown(
    new_pebble: PebbleMaker, tmp_path: Path
) -> None:
    mac = urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
    binding = {"externalAccountBindingRequired": True, "externalAccountMACKeys": {"kid-1": mac}}
    ca = new_pebble(config=binding)
    (tmp_path / "hmac").write_text(mac)
    (tmp_path / "certcheck.toml").write_text(
        f"""
        [site]
        state = "state"
        [acme]
        directory = "{ca.authority.directory}"
        ca_file = "{ca.authority.ca_file}"
        eab_kid = "kid-1"
        eab_key_file = "hmac"
        [[bundle]]
        name = "mail"
        names = ["mail.example.test"]
        http_port = {ca.http01_port}
        via = "certbot"
        certbot_args = "{" ".join(directories(tmp_path / "certbot"))}"
        """
    )

    shown = watched(tmp_path, "issue", "--json")

    assert b'"mail/1"' in shown
    kept = [path.read_bytes() for path in (tmp_path / "certbot").rglob("*") if path.is_file()]
    everything = b"\n".join((shown, *kept))
    assert b"kid-1" in everything
    assert mac.encode() not in everything
