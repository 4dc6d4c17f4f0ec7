import json
from dataclasses import replace
from pathlib import Path

import pytest

from certcheck.errors import CaError
from certcheck.issue.account import account_home
from tests.live.pebbles import NAMES, Ca, PebbleMaker, ca, new_pebble, order

__all__ = ["ca", "new_pebble"]  # fixtures


def test_a_second_order_uses_the_same_account(ca: Ca, tmp_path: Path) -> None:
    told: list[str] = []
    order(ca, tmp_path, told=told)
    kept = account_home(tmp_path, ca.authority.directory) / "account.json"
    first = json.loads(kept.read_text())

    order(ca, tmp_path, told=told)

    assert json.loads(kept.read_text()) == first
    assert sum(line.startswith("creating an account") for line in told) == 1


def test_an_account_whose_json_was_lost_is_found_by_its_key(ca: Ca, tmp_path: Path) -> None:
    order(ca, tmp_path)
    kept = account_home(tmp_path, ca.authority.directory) / "account.json"
    first = kept.read_text()
    kept.unlink()

    order(ca, tmp_path)

    assert kept.read_text() == first


def test_a_changed_email_is_told_to_the_ca(ca: Ca, tmp_path: Path) -> None:
    order(ca, tmp_path)
    named = replace(ca, authority=replace(ca.authority, email="admin@example.test"))

    order(named, tmp_path)

    kept = account_home(tmp_path, ca.authority.directory) / "account.json"
    assert json.loads(kept.read_text())["contact"] == ["mailto:admin@example.test"]


def test_a_ca_that_forgot_the_account_gets_it_anew_with_the_same_key(
    ca: Ca, new_pebble: PebbleMaker, tmp_path: Path
) -> None:
    order(ca, tmp_path)
    home = account_home(tmp_path, ca.authority.directory)
    forgetful = new_pebble()
    other = account_home(tmp_path, forgetful.authority.directory)
    home.rename(other)
    key = (other / "key.pem").read_bytes()
    told: list[str] = []

    got = order(forgetful, tmp_path, told=told)

    assert got.chain
    assert (other / "key.pem").read_bytes() == key
    assert json.loads((other / "account.json").read_text())["uri"].startswith(
        forgetful.authority.directory.removesuffix("dir")
    )
    assert told[0].startswith("creating an account")


def test_external_account_binding_opens_the_account(
    new_pebble: PebbleMaker, tmp_path: Path
) -> None:
    hmac = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    ca = new_pebble(
        config={
            "externalAccountBindingRequired": True,
            "externalAccountMACKeys": {"kid-1": hmac},
        }
    )

    def bound(kid: str) -> Ca:
        return replace(ca, authority=replace(ca.authority, eab_kid=kid, eab_key=hmac))

    with pytest.raises(CaError, match="externalAccountRequired") as missing:
        order(ca, tmp_path, names=NAMES[:1])
    with pytest.raises(CaError, match="kid") as unknown:
        order(bound("kid-2"), tmp_path, names=NAMES[:1])
    got = order(bound("kid-1"), tmp_path, names=NAMES[:1])

    assert missing.value.hint == "set eab_kid and eab_key_file in [acme]"
    assert hmac not in str(unknown.value)
    assert got.chain


def test_no_piece_of_a_key_is_told(ca: Ca, tmp_path: Path) -> None:
    told: list[str] = []

    got = order(ca, tmp_path, told=told)

    account = (account_home(tmp_path, ca.authority.directory) / "key.pem").read_text()
    secrets = [*account.splitlines()[1:-1], *got.key_pem.decode().splitlines()[1:-1]]
    shown = "\n".join([*told, repr(got), repr(ca)])
    assert not any(secret in shown for secret in secrets)
