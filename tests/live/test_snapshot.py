"""`certcheck snapshot` and `verify` on a real mail host: what is equal, and what differs."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from certcheck.lab import Lab
from tests.conftest import Certcheck, Ended
from tests.live.conftest import LabMaker

OF_ONE_RUN = ("id", "started", "finished")


@pytest.fixture
def before(shared: Lab, certcheck: Certcheck, tmp_path: Path) -> Path:
    """A snapshot of the lab as it is."""
    path = tmp_path / "before.json"
    done = certcheck("snapshot", "-c", shared.config, "-o", path)
    assert done.code == 0, done.stderr
    return path


def _compared(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return {key: value for key, value in document.items() if key not in OF_ONE_RUN}


def _verify(certcheck: Certcheck, lab: Lab, *more: str | Path) -> Ended:
    return certcheck("verify", "-c", lab.config, "--json", *more)


def _differing(done: Ended) -> set[tuple[str, str, str]]:
    """Field, class and scheme of every change."""
    return {
        (c["field"], c["class"], c["endpoint"].partition(":")[0]) for c in done.document["changes"]
    }


def _alter(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _reloaded(lab: Lab) -> None:
    for argv in (
        ("doveadm", "-c", str(lab.host.dovecot.config), "reload"),
        ("postfix", "-c", str(lab.host.postfix.config), "reload"),
    ):
        subprocess.run(argv, check=True, timeout=30, stdin=subprocess.DEVNULL, capture_output=True)


def test_two_snapshots_of_an_unchanged_host_are_equal(
    shared: Lab, certcheck: Certcheck, tmp_path: Path, before: Path
) -> None:
    again = tmp_path / "again.json"

    done = certcheck("snapshot", "-c", shared.config, "-o", again)

    assert done.code == 0
    assert done.stdout.startswith("8 services with TLS, 0 without, 0 closed, 0 not seen")
    assert _compared(again) == _compared(before)
    assert oct(again.stat().st_mode & 0o777) == "0o600"


def test_a_snapshot_holds_all_that_is_promised(before: Path) -> None:
    document = _compared(before)

    assert [o["endpoint"] for o in document["observations"]] == sorted(
        (o["endpoint"] for o in document["observations"]),
        key=lambda url: (url.split("//")[1].split(":")[0], int(url.rsplit(":", 1)[1])),
    )
    by_scheme = {o["endpoint"].partition(":")[0]: o for o in document["observations"]}
    imap, submission = by_scheme["imap"], by_scheme["submission"]
    assert "LOGINDISABLED" in imap["capabilities"]["before_tls"]
    assert imap["capabilities"]["auth_after_tls"] == ["LOGIN", "PLAIN"]
    assert submission["capabilities"]["size"] == 10240000
    assert imap["protocols"] == ["TLSv1.2", "TLSv1.3"]
    assert "TLS_AES_256_GCM_SHA384" in imap["cipher_suites"]["TLSv1.3"]
    assert {d["server_name"] for d in imap["deployments"]} == {"imap.example.test", None}
    assert document["dns"]["example.test"]["mx"]["records"] == ["10 mail.example.test."]
    assert document["dns"]["imap.example.test"]["address"]["secure"] is True


def test_a_closed_port_of_a_bare_host_is_a_fact_of_the_snapshot(
    lab: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    path = tmp_path / "bare.json"
    port = lab.ports.imaps

    done = certcheck(
        *("snapshot", "imap.example.test", "-o", path),
        *("--connect-to", f"imap.example.test:993:127.0.0.1:{port}"),
        *("--connect-to", "imap.example.test::127.0.0.9"),
    )

    outcomes = {o["endpoint"]: o["outcome"] for o in _compared(path)["observations"]}
    assert done.code == 0
    assert outcomes["imaps://imap.example.test:993"] == "seen"
    assert outcomes["pop3://imap.example.test:110"] == "closed"


def test_nothing_differs_on_an_unchanged_host_twice(
    shared: Lab, certcheck: Certcheck, before: Path
) -> None:
    first = _verify(certcheck, shared, "--before", before).document
    second = _verify(certcheck, shared, "--before", before).document

    assert first["changes"] == []
    assert first["exit_code"] == 0
    assert {k: v for k, v in first.items() if k not in OF_ONE_RUN} == {
        k: v for k, v in second.items() if k not in OF_ONE_RUN
    }


def test_neither_needs_root(
    shared: Lab, certcheck: Certcheck, tmp_path: Path, before: Path
) -> None:
    tmp_path.chmod(0o777)
    before.chmod(0o644)
    own = tmp_path / "own.json"

    kept = certcheck("snapshot", "-c", shared.config, "-o", own, as_nobody=True)
    verified = certcheck("verify", "-c", shared.config, "--before", before, as_nobody=True)

    assert kept.code == 0, kept.stderr
    assert verified.code == 0, verified.stdout + verified.stderr


def test_a_new_generation_is_announced_and_shown_with_its_fingerprint(
    new_lab: LabMaker, certcheck: Certcheck, tmp_path: Path
) -> None:
    lab, path = new_lab(), tmp_path / "before.json"
    assert certcheck("snapshot", "-c", lab.config, "-o", path).code == 0
    assert certcheck("issue", "-c", lab.config).code == 0

    still_old = _verify(certcheck, lab, "--before", path)
    assert certcheck("install", "-c", lab.config, "--yes").code == 0
    done = _verify(certcheck, lab, "--before", path, "--bundle", "mail/1")
    shown = certcheck("verify", "-c", lab.config, "--before", path)
    alone = certcheck("verify", "-c", lab.config, "--bundle", "mail")

    assert still_old.code == 1
    assert {c["class"] for c in still_old.document["changes"]} == {"unannounced"}
    assert done.code == 0
    assert {c["class"] for c in done.document["changes"]} == {"announced", "expected"}
    assert done.document["bundle"] == "mail/1"
    assert shown.stdout.startswith("Good: 8 ports serve mail/1")
    assert re.search(r"SHA-256  (\w\w:){31}\w\w\n", shown.stdout)
    assert alone.code == 0
    assert alone.stdout.startswith("Good: 8 ports serve mail/1, every time, with modern TLS.")


def test_seeded_faults_of_a_configuration_are_named(
    new_lab: LabMaker, certcheck: Certcheck, tmp_path: Path
) -> None:
    lab, path = new_lab(), tmp_path / "before.json"
    assert certcheck("snapshot", "-c", lab.config, "-o", path).code == 0
    dovecot = lab.host.dovecot.config
    main = lab.host.postfix.config / "main.cf"

    _alter(dovecot, "auth_mechanisms = plain login", "auth_mechanisms = plain cram-md5")
    _alter(dovecot, "ssl_min_protocol = TLSv1.2", "ssl_min_protocol = TLSv1.3")
    main.write_text(main.read_text() + "\nmessage_size_limit = 5000000\n")
    _reloaded(lab)
    done = _verify(certcheck, lab, "--before", path)
    found = _differing(done)

    assert done.code == 1
    assert ("auth_after_tls", "lost", "imap") in found
    assert ("auth_after_tls", "lost", "submission") in found
    assert ("protocols", "lost", "imaps") in found
    assert ("size", "weakened", "smtp") in found

    assert ("auth_before_tls", "weakened", "imap") in found

    ids = [c["id"] for c in done.document["changes"] if c["class"] in {"lost", "weakened"}]
    accepts = [word for each in ids for word in ("--accept", f"{each}=wanted so")]
    accepted = _verify(certcheck, lab, "--before", path, *accepts)

    assert [c for c in accepted.document["changes"] if c["class"] in {"lost", "weakened"}] == []
    assert accepted.code == 0
    why = [c["accepted"] for c in accepted.document["changes"] if c["id"] in ids]
    assert {each["reason"] for each in why} == {"wanted so"}
    assert all(each["by"] and each["at"].endswith("Z") for each in why)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--before", "{tmp}/none.json"), "cannot read"),
        (("--before", "{before}", "imap://other.example"), "is a snapshot of"),
        (("--before", "{before}", "--accept", "x"), "gives no reason"),
        (("--before", "{before}", "--retired", "old.example"), "is not an IP address"),
        (("--before", "{before}", "--bundle", "nothing"), "has no generation"),
        (("imap://imap.example.test",), "nothing to verify against"),
    ],
)
def test_what_cannot_be_verified_is_refused_by_one_line(  # noqa: PLR0913, PLR0917 - fixtures
    arguments: tuple[str, ...],
    says: str,
    shared: Lab,
    certcheck: Certcheck,
    before: Path,
    tmp_path: Path,
) -> None:
    given = [word.format(tmp=tmp_path, before=before) for word in arguments]

    done = certcheck("verify", "-c", shared.config, *given)

    assert done.code in {2, 3}
    assert says in done.complaint
    assert done.stdout == ""


def test_a_snapshot_without_a_file_for_it_asks_nobody(shared: Lab, certcheck: Certcheck) -> None:
    done = certcheck("snapshot", "-c", shared.config)

    assert done.code == 2
    assert "-o FILE" in done.complaint


def test_a_retired_host_that_still_answers_is_named(
    shared: Lab, certcheck: Certcheck, before: Path
) -> None:
    # The lab listens on one address only, which stands for the old host here.
    to = [
        word
        for name in ("imap", "pop", "smtp")
        for word in ("--connect-to", f"{name}.example.test::127.0.0.1")
    ]

    still = _verify(certcheck, shared, "--before", before, *to, "--retired", "127.0.0.1")
    gone = _verify(certcheck, shared, "--before", before, "--retired", "127.0.0.77")

    told = [c["message"] for c in still.document["changes"]]
    assert still.code == 1
    assert any("still takes mail" in text and "SMTP" in text for text in told)
    assert any("still takes logins" in text and "IMAPS" in text for text in told)
    assert gone.code == 0
