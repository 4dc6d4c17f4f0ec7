"""The commands as a user runs them, on real servers."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from certcheck.lab import Lab
from certcheck.model.certificate import colons
from certcheck.targets import endpoint
from tests.conftest import COMMAND, SCHEMA, Certcheck
from tests.live.referee import shown


def test_fingerprints_are_what_openssl_shows_on_every_port(lab: Lab, certcheck: Certcheck) -> None:
    seen = certcheck("fingerprints", "-c", lab.config, "--json")

    assert seen.code == 0
    leaves = {o["endpoint"]: o["deployments"][0]["chain"][0] for o in seen.document["observations"]}
    assert leaves == {url: shown(endpoint(url), "127.0.0.1") for url in lab.host.endpoints}


def test_fingerprints_are_printed_in_the_form_of_mail_programs(
    lab: Lab, certcheck: Certcheck
) -> None:
    url = lab.host.endpoints[0]
    expected = shown(endpoint(url), "127.0.0.1").upper()

    lines = certcheck("fingerprints", "-c", lab.config, url).stdout.splitlines()

    colons = ":".join(expected[i : i + 2] for i in range(0, 64, 2))
    port = endpoint(url).port
    assert lines[0] == f"IMAP imap.example.test:{port} STARTTLS 127.0.0.1 RSA SHA-256 {colons}"
    assert re.fullmatch(r" +SHA-1 (..:){19}..", lines[1])


def test_the_old_certificate_is_judged(lab: Lab, certcheck: Certcheck) -> None:
    audit = certcheck("audit", "-c", lab.config, "--depth", "quick", "--json")

    assert audit.code == 1
    assert {"self_signed", "name_missing"} <= {f["rule"] for f in audit.document["findings"]}


def test_names_come_from_the_resolver_of_the_site(
    lab: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    (tmp_path / "certcheck.toml").write_text(f'[site]\nresolver = "{lab.resolver}"\n')
    url = lab.host.endpoints[0]

    seen = certcheck("fingerprints", "--json", url, "imap://gone.example.test")

    assert seen.code == 3
    reasons = [(o["address"], o["reason"]) for o in seen.document["observations"]]
    assert reasons == [("127.0.0.1", None), (None, "unresolved")]


def test_a_redirection_goes_to_another_address_and_port(lab: Lab, certcheck: Certcheck) -> None:
    port = endpoint(lab.host.endpoints[1]).port

    seen = certcheck(
        "fingerprints",
        "--json",
        "--connect-to",
        f"mail.customer.test:993:127.0.0.1:{port}",
        "imaps://mail.customer.test",
    )

    assert seen.code == 0
    (observation,) = seen.document["observations"]
    assert observation["endpoint"] == "imaps://mail.customer.test:993"
    assert observation["server_name"] == "mail.customer.test"


def test_another_protocol_on_the_port_is_exit_3(lab: Lab, certcheck: Certcheck) -> None:
    smtp = endpoint(next(u for u in lab.host.endpoints if u.startswith("smtp:"))).port
    submissions = endpoint(next(u for u in lab.host.endpoints if "submissions" in u)).port

    seen = certcheck(
        "audit", "--json", f"imap://127.0.0.1:{smtp}", f"imaps://127.0.0.1:{submissions}"
    )

    assert seen.code == 3
    assert [o["reason"] for o in seen.document["observations"]] == ["wrong_protocol"] * 2


@pytest.mark.parametrize(
    ("name", "words"), [("blocked.example.test", "blocked"), ("gone.invalid", "gone.invalid")]
)
def test_a_certificate_authority_that_refuses_is_exit_3(
    lab: Lab, certcheck: Certcheck, tmp_path: Path, name: str, words: str
) -> None:
    text = lab.config.read_text().replace('state = "state"', f'state = "{tmp_path}/state"')
    (tmp_path / "certcheck.toml").write_text(text)

    refused = certcheck("issue", name)

    assert refused.code == 3
    assert words in refused.complaint
    assert not list(tmp_path.glob("state/bundles/*/*"))


def test_what_would_be_ordered_can_be_seen_first(
    lab: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    text = lab.config.read_text().replace('state = "state"', f'state = "{tmp_path}/state"')
    (tmp_path / "certcheck.toml").write_text(text)

    planned = certcheck("issue", "--dry-run", "--json")

    assert planned.code == 0
    assert [row["bundle"] for row in planned.document["rows"]] == ["mail"]
    assert not (tmp_path / "state").exists()


def test_where_there_are_no_two_hosts_the_demo_tells_a_shorter_story(
    certcheck: Certcheck, tmp_path: Path
) -> None:
    empty = tmp_path / "apt.conf"
    empty.write_text('Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "/dev/null";\n')
    env = {"APT_CONFIG": str(empty), "CERTCHECK_CACHE": str(tmp_path / "cache")}

    demo = certcheck("demo", "-o", "story", env=env)

    assert demo.code == 0
    assert "so the story is a shorter one, on one mail host" in demo.stderr
    run = json.loads((tmp_path / "story" / "run.json").read_text())
    jsonschema.validate(run, SCHEMA)
    assert len(run["observations"]) == 8
    assert {a["state"] for a in run["actions"]} == {"done"}
    rows = {row["service"].partition(" ")[0]: row for row in run["rows"]}
    assert set(rows) == {"IMAP", "POP3", "ManageSieve", "SMTP"}
    leaves = {d["chain"][0] for o in run["observations"] for d in o["deployments"]}
    assert {row["new_sha256"] for row in rows.values()} == leaves
    assert all(row["old_sha256"] != row["new_sha256"] for row in rows.values())
    summary = (tmp_path / "story" / "summary.md").read_text()
    for text in (demo.stdout, summary):
        assert text.count(colons(rows["IMAP"]["new_sha256"])) >= 2
        assert "IMAP (reading mail)" in text
        assert "SMTP (sending mail)" in text


def test_the_demo_needs_a_directory_that_it_can_write(certcheck: Certcheck, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    refused = certcheck("demo", "-o", "file")

    assert refused.code == 2
    assert "cannot write in file" in refused.complaint


def test_a_lab_needs_root(certcheck: Certcheck, tmp_path: Path) -> None:
    refused = certcheck("lab", "up", "--dir", "lab", as_nobody=True)

    assert refused.code == 3
    assert "root" in refused.complaint
    assert not (tmp_path / "lab").exists()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_lab_up_says_when_it_is_ready_and_stops_on_a_signal(
    tmp_path: Path, stop: signal.Signals
) -> None:
    folder = tmp_path / "lab"
    run = subprocess.Popen(
        [*COMMAND, "lab", "up", "--dir", str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    with run.stdout:
        ready = run.stdout.readline()
        described = json.loads((folder / "lab.json").read_text())

        run.send_signal(stop)

        assert run.wait(timeout=30) == 0
    assert ready == f"ready: 8 ports; certcheck audit -c {folder}/certcheck.toml\n"
    assert described["schema"] == "certcheck.lab/1"
    assert not (folder / "lab.json").exists()
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in described["pids"]):
        assert time.monotonic() < deadline
        os.sched_yield()


def test_lab_up_refuses_a_directory_with_something_in_it(
    certcheck: Certcheck, tmp_path: Path
) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "mine").write_text("")

    refused = certcheck("lab", "up", "--dir", "lab")

    assert refused.code == 2
    assert "lab" in refused.complaint


def test_the_script_is_installed() -> None:
    script = Path(sys.executable).parent / "certcheck"

    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("certcheck ")
