"""`certcheck demo`: a mail host moves from Debian 11 to Debian 13, and the story is told."""

import json
from pathlib import Path

import jsonschema

from certcheck.lab.generations.trees import Trees
from certcheck.model.certificate import colons
from tests.conftest import SCHEMA, Certcheck


def test_the_demo_moves_a_mail_host(trees: Trees, certcheck: Certcheck, tmp_path: Path) -> None:
    assert trees.new.exists()

    demo = certcheck("demo", "-o", "story")

    assert demo.code == 0, demo.stderr
    run = json.loads((tmp_path / "story" / "run.json").read_text())
    jsonschema.validate(run, SCHEMA)
    assert len(run["observations"]) == 16
    assert {a["state"] for a in run["actions"]} == {"done"}
    assert {c["class"] for c in run["changes"]} == {"announced", "expected", "gained"}
    assert len(run["mailboxes"]) == 3
    rows = {row["service"].partition(" ")[0]: row for row in run["rows"]}
    assert list(rows) == ["IMAP", "SMTP", "POP3", "ManageSieve"]
    leaves = {d["chain"][0] for o in run["observations"] for d in o["deployments"]}
    assert {row["new_sha256"] for row in rows.values()} == leaves
    summary = (tmp_path / "story" / "summary.md").read_text()
    for text in (demo.stdout, summary):
        assert text.count(colons(rows["IMAP"]["new_sha256"])) >= 2
        assert "Was anything lost?" in text
        assert "no handshake failed" in text or "the longest outage" in text
    for user in ("alice", "bob", "carol"):
        assert f"pw-{user}" not in demo.stdout + demo.stderr + summary + json.dumps(run)
