"""Issue and install on real servers: the new certificate everywhere."""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from certcheck.lab import Lab, pki
from certcheck.store.lock import locked
from tests.conftest import Certcheck
from tests.live.hosting import files, leaf, served, toml


def test_every_port_serves_the_new_certificate(fresh_lab: Lab, certcheck: Certcheck) -> None:
    before = files(fresh_lab)
    assert certcheck("issue", "-c", fresh_lab.config, "--json").document["bundle"] == "mail/1"

    done = certcheck("install", "-c", fresh_lab.config, "--json")

    assert done.code == 0
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/1")}
    after = files(fresh_lab)
    assert {p: f[1:] for p, f in after.items()} == {p: f[1:] for p, f in before.items()}
    assert {a["state"] for a in done.document["actions"]} == {"done"}
    kinds = [a["kind"] for a in done.document["actions"]]
    assert kinds.count("replace_file") == 3
    assert kinds[-1] == "verify"

    again = certcheck("install", "-c", fresh_lab.config, "--json")

    assert again.code == 0
    assert again.document["actions"] == []


def test_an_rsa_certificate_can_be_chosen(fresh_lab: Lab, certcheck: Certcheck) -> None:
    assert certcheck("issue", "-c", fresh_lab.config, "--key", "rsa2048").code == 0

    assert certcheck("install", "-c", fresh_lab.config, "mail").code == 0
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/1", "rsa")}


def test_one_server_alone_can_be_chosen(fresh_lab: Lab, certcheck: Certcheck) -> None:
    assert certcheck("issue", "-c", fresh_lab.config).code == 0

    done = certcheck("install", "-c", fresh_lab.config, "--server", "postfix", "--json")

    assert done.code == 0
    assert {a["server"] for a in done.document["actions"]} == {"postfix"}
    assert len(served(fresh_lab)) == 2


def test_dry_run_shows_the_steps_and_changes_nothing(issued: Lab, certcheck: Certcheck) -> None:
    before, store = files(issued), sorted(issued.path.glob("state/journal/*"))

    planned = certcheck("install", "-c", issued.config, "--dry-run", "--json")

    assert planned.code == 0
    assert {a["state"] for a in planned.document["actions"]} == {"planned"}
    assert files(issued) == before
    assert sorted(issued.path.glob("state/journal/*")) == store


def test_what_is_in_place_is_neither_planned_nor_done_again(
    fresh_lab: Lab, certcheck: Certcheck
) -> None:
    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    assert certcheck("install", "-c", fresh_lab.config).code == 0

    for more in ((), ("--dry-run",)):
        again = certcheck("install", "-c", fresh_lab.config, "--json", *more)

        assert again.code == 0
        assert again.document["actions"] == []
        note = "every port serves mail/1 already: nothing to do"
        assert again.document["rows"] == [{"note": note}]


def test_a_certificate_must_name_the_endpoints_that_use_it(
    issued: Lab, certcheck: Certcheck
) -> None:
    before = files(issued)
    others = ', "imap.example.test", "smtp.example.test", "pop.example.test"]'
    config = toml(issued, (others, "]"))
    assert certcheck("issue", "-c", config).code == 0

    refused = certcheck("install", "-c", config)

    assert refused.code == 3
    assert "imap.example.test" in refused.complaint
    assert files(issued) == before


def test_a_key_that_does_not_match_never_reaches_a_server(
    issued: Lab, certcheck: Certcheck
) -> None:
    before, old = files(issued), served(issued)
    newest = max(issued.path.glob("state/bundles/mail/*"), key=lambda p: int(p.name))
    key = newest / "key-ecdsa.pem"
    right = key.read_bytes()
    key.write_bytes(pki.make(pki.GOOD).key)

    try:
        refused = certcheck("install", "-c", issued.config)
    finally:
        key.write_bytes(right)

    assert refused.code == 3
    assert "key" in refused.complaint
    assert files(issued) == before
    assert served(issued) == old


def test_without_root_nothing_is_begun(issued: Lab, certcheck: Certcheck, tmp_path: Path) -> None:
    state = tmp_path / "state"
    shutil.copytree(issued.path / "state", state)
    for path in (state, *state.rglob("*")):
        os.chown(path, 65534, 65534)
    before = files(issued)

    refused = certcheck(
        "install",
        "-c",
        toml(issued, ('"state"', f'"{state}"')),
        "--server",
        "postfix",
        as_nobody=True,
    )

    assert refused.code == 3
    assert "root" in refused.complaint
    assert files(issued) == before


def test_a_second_run_is_told_who_holds_the_lock(issued: Lab, certcheck: Certcheck) -> None:
    with locked(issued.path / "state", command="install", now=datetime.now(UTC)):
        refused = certcheck("install", "-c", issued.config)

    assert refused.code == 3
    assert f"process {os.getpid()}, certcheck install" in refused.complaint


def test_the_state_of_the_store_says_where_a_generation_came_from(issued: Lab) -> None:
    newest = max(issued.path.glob("state/bundles/mail/*"), key=lambda p: int(p.name))
    origin = json.loads((newest / "origin.json").read_text())

    assert origin["authority"] == issued.acme_directory
    assert origin["orders"]["ecdsa"].startswith("https://localhost:")
    assert (newest / "key-ecdsa.pem").stat().st_mode & 0o777 == 0o600
