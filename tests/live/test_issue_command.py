"""`certcheck issue` as a user runs it, against a Pebble of its own."""

from pathlib import Path

from certcheck.store import bundles
from tests.conftest import Certcheck
from tests.live.control import control
from tests.live.pebbles import PebbleMaker, new_pebble, web_server

__all__ = ["new_pebble"]  # a fixture


def test_both_keys_make_one_generation(
    new_pebble: PebbleMaker, certcheck: Certcheck, tmp_path: Path
) -> None:
    host = control(tmp_path / "host", new_pebble(), certcheck)

    with web_server(host.ca.http01_port, host.webroot):
        run = host.run("issue", "--key", "both").document

    assert [(row["bundle"], row["key"]) for row in run["rows"]] == [
        ("mail/1", "ECDSA P-256"),
        ("mail/1", "RSA 2048"),
    ]
    assert run["bundle"] == "mail/1"
    stored = bundles.load(host.state, "mail")
    assert {pair.leaf.sha256 for pair in stored.pairs} == {row["sha256"] for row in run["rows"]}
    assert host.ca.orders == 2
