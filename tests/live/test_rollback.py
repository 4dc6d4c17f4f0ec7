"""The way back after an installation that ended well: step by step, proved like the way in."""

import os
from pathlib import Path

import pytest

from certcheck.lab import Lab
from certcheck.lab.pki import GOOD, make
from tests.conftest import Certcheck
from tests.live.hosting import failing_reload, files, leaf, served


def installed(lab: Lab, certcheck: Certcheck, *more: str) -> None:
    assert certcheck("issue", "-c", lab.config, *more).code == 0
    assert certcheck("install", "-c", lab.config).code == 0


def test_each_rollback_takes_one_installation_back(fresh_lab: Lab, certcheck: Certcheck) -> None:
    before, old = files(fresh_lab), served(fresh_lab)
    installed(fresh_lab, certcheck)
    installed(fresh_lab, certcheck, "--key", "rsa2048")
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/2", "rsa")}

    first = certcheck("rollback", "-c", fresh_lab.config, "--json")

    assert first.code == 0
    assert first.document["bundle"] == "mail/1"
    assert [(r["undone"], r["serves"]) for r in first.document["rows"]] == [("mail/2", "mail/1")]
    assert {a["state"] for a in first.document["actions"]} == {"done"}
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/1")}

    second = certcheck("rollback", "mail", "-c", fresh_lab.config, "--json")

    assert second.code == 0
    assert [r["serves"] for r in second.document["rows"]] == ["what was there before"]
    assert files(fresh_lab) == before
    assert served(fresh_lab) == old

    third = certcheck("rollback", "-c", fresh_lab.config)

    assert third.code == 3
    assert "no finished installation is left to take back" in third.complaint
    assert certcheck("install", "-c", fresh_lab.config).code == 0
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/2", "rsa")}
    assert certcheck("rollback", "-c", fresh_lab.config).code == 0
    assert files(fresh_lab) == before


@pytest.fixture
def rolled(shared: Lab, certcheck: Certcheck) -> Lab:
    """The lab of the module with one installation that can be taken back."""
    if not list(shared.path.glob("state/journal/*-install")):
        installed(shared, certcheck)
    return shared


def test_a_rehearsal_shows_the_steps_and_changes_nothing(rolled: Lab, certcheck: Certcheck) -> None:
    before = files(rolled)

    planned = certcheck("rollback", "-c", rolled.config, "--dry-run", "--json")

    assert planned.code == 0
    assert {a["state"] for a in planned.document["actions"]} == {"planned"}
    assert [a["kind"] for a in planned.document["actions"]].count("replace_file") == 3
    assert files(rolled) == before


def test_a_bundle_that_was_never_installed_has_nothing_to_take_back(
    rolled: Lab, certcheck: Certcheck
) -> None:
    refused = certcheck("rollback", "shop", "-c", rolled.config)

    assert refused.code == 3
    assert "no finished installation of bundle 'shop'" in refused.complaint


def test_a_file_changed_since_is_not_overwritten(rolled: Lab, certcheck: Certcheck) -> None:
    chain = rolled.path / "dovecot" / "tls" / "fullchain.pem"
    ours = chain.read_bytes()
    chain.write_bytes(make(GOOD).chain)
    between = files(rolled)
    try:
        refused = certcheck("rollback", "-c", rolled.config)
    finally:
        now = files(rolled)
        chain.write_bytes(ours)

    assert refused.code == 3
    assert f"{chain} is not what" in refused.complaint
    assert now == between


def test_a_rollback_that_fails_midway_leaves_what_was_served(
    rolled: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    before, old = files(rolled), served(rolled)

    env = failing_reload(tmp_path, "doveadm")
    failed = certcheck("rollback", "-c", rolled.config, "--json", env=env)

    assert failed.code == 3
    assert "everything was put back" in failed.document["error"]["message"]
    assert files(rolled) == before
    assert served(rolled) == old


def test_modes_and_owners_come_back(fresh_lab: Lab, certcheck: Certcheck) -> None:
    key = fresh_lab.path / "dovecot" / "tls" / "privkey.pem"
    os.chown(key, 0, 8)
    key.chmod(0o644)
    before = files(fresh_lab)
    installed(fresh_lab, certcheck)
    assert key.stat().st_mode & 0o777 == 0o640

    assert certcheck("rollback", "-c", fresh_lab.config).code == 0

    assert files(fresh_lab) == before
