"""Issue and install on real servers: the new certificate everywhere, or the old one as before."""

import hashlib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from certcheck.lab import Lab, pki
from certcheck.targets import endpoint
from tests.conftest import Certcheck
from tests.live.referee import shown


def served(lab: Lab) -> set[str]:
    """Every leaf that any port of the lab serves."""
    return {shown(endpoint(url), lab.host.addresses[0]) for url in lab.host.endpoints}


def files(lab: Lab) -> dict[str, tuple[bytes, int, int, int]]:
    """Every file that the servers name, with owner, group and mode."""
    paths = [*lab.path.glob("dovecot/tls/*"), *lab.path.glob("postfix/tls/*")]
    assert len(paths) == 3
    facts = {path: path.stat() for path in paths}
    return {
        str(p): (p.read_bytes(), f.st_uid, f.st_gid, f.st_mode & 0o7777) for p, f in facts.items()
    }


def leaf(lab: Lab, ref: str) -> str:
    """The SHA-256 of a stored generation's leaf."""
    text = (lab.path / "state" / "bundles" / ref / "chain.pem").read_text()
    first = text[: text.index("-----END")] + "-----END CERTIFICATE-----\n"
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for the tests below, which all leave it serving what it served."""
    from certcheck.lab import up

    with up(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def issued(shared: Lab, certcheck: Certcheck) -> Lab:
    """The lab with a new generation in its store that no server has yet."""
    assert certcheck("issue", "-c", shared.config).code == 0
    return shared


def toml(lab: Lab, *changes: tuple[str, str]) -> Path:
    """Another certcheck.toml of the lab, with these texts replaced."""
    text = lab.config.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = lab.path / f"other-{len(changes)}.toml"
    path.write_text(text)
    return path


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
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/1")}


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


def test_a_key_that_does_not_match_never_reaches_a_server(
    issued: Lab, certcheck: Certcheck
) -> None:
    before, old = files(issued), served(issued)
    newest = max(issued.path.glob("state/bundles/mail/*"), key=lambda p: int(p.name))
    key = newest / "key.pem"
    right = key.read_bytes()
    key.write_bytes(pki.make(pki.GOOD).key)

    refused = certcheck("install", "-c", issued.config)

    key.write_bytes(right)
    assert refused.code == 3
    assert "key" in refused.complaint
    assert files(issued) == before
    assert served(issued) == old


def test_a_failing_reload_is_undone(issued: Lab, certcheck: Certcheck) -> None:
    before, old = files(issued), served(issued)
    config = issued.path / "dovecot" / "dovecot.conf"
    other = config.with_name("not-running.conf")
    other.write_text(
        re.sub(r"(?m)^base_dir = .*$", f"base_dir = {issued.path}/gone", config.read_text())
    )

    undone = certcheck("install", "-c", toml(issued, (str(config), str(other))), "--json")

    assert undone.code == 4
    assert "Dovecot is not running" in undone.document["error"]["message"]
    assert files(issued) == before
    assert served(issued) == old


def test_a_reload_of_another_instance_is_undone(issued: Lab, certcheck: Certcheck) -> None:
    before, old = files(issued), served(issued)
    config = issued.path / "dovecot" / "dovecot.conf"
    with second_dovecot(config) as other:
        undone = certcheck("install", "-c", toml(issued, (str(config), str(other))), "--json")

    assert undone.code == 4
    assert "still serves" in undone.document["error"]["message"]
    assert files(issued) == before
    assert served(issued) == old


def test_a_server_that_cannot_use_the_certificate_is_undone(
    issued: Lab, certcheck: Certcheck
) -> None:
    with rsa_only_postfix(issued):
        before, old = files(issued), served(issued)

        undone = certcheck("install", "-c", issued.config, "--json")

        assert undone.code == 4
        assert "handshake" in undone.document["error"]["message"]
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
    from datetime import UTC, datetime

    from certcheck.store.lock import locked

    with locked(issued.path / "state", command="install", now=datetime.now(UTC)):
        refused = certcheck("install", "-c", issued.config)

    assert refused.code == 3
    assert f"process {os.getpid()}, certcheck install" in refused.complaint


def test_what_a_killed_run_changed_is_put_back(
    issued: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    before, old = files(issued), served(issued)
    kill_at_reload(issued, tmp_path)
    assert files(issued) != before

    healed = certcheck("recover", "-c", issued.config, "--json")

    assert healed.code == 0
    assert files(issued) == before
    assert served(issued) == old
    assert "restore_file" in [a["kind"] for a in healed.document["actions"]]

    again = certcheck("recover", "-c", issued.config, "--json")

    assert again.code == 0
    assert again.document["actions"] == []


def test_the_next_run_heals_what_a_killed_run_left(
    fresh_lab: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    kill_at_reload(fresh_lab, tmp_path)

    done = certcheck("install", "-c", fresh_lab.config, "--json")

    assert done.code == 0
    assert served(fresh_lab) == {leaf(fresh_lab, "mail/1")}


def test_a_terminated_run_puts_everything_back(
    issued: Lab, certcheck: Certcheck, tmp_path: Path
) -> None:
    before, old = files(issued), served(issued)
    run = blocked_at_reload(issued, tmp_path)

    (tmp_path / "go").touch()
    run.send_signal(signal.SIGTERM)

    assert run.wait(timeout=60) == 143
    assert files(issued) == before
    assert served(issued) == old
    assert certcheck("recover", "-c", issued.config, "--json").document["actions"] == []


@contextmanager
def rsa_only_postfix(lab: Lab) -> Iterator[None]:
    """A Postfix that can use RSA certificates only, for a while."""
    main = lab.path / "postfix" / "main.cf"
    text = main.read_text()
    # Replaced, not appended: a line that overrides another makes Postfix's master log at a reload,
    # and with a full log socket it then waits for the log daemon that only itself can start.
    rsa_only = text.replace(">=TLSv1.2", "TLSv1.2").replace("= aNULL", "= aNULL, aECDSA")
    assert rsa_only.count("= TLSv1.2") == 2
    try:
        reconfigure(main, rsa_only)
        yield
    finally:
        reconfigure(main, text)


def reconfigure(main: Path, text: str) -> None:
    """Give Postfix another main.cf, old enough for it not to wait, and reload it."""
    main.write_text(text)
    os.utime(main, (time.time() - 60,) * 2)
    subprocess.run(
        ["postfix", "-c", str(main.parent), "reload"],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=30,
    )


class second_dovecot:  # noqa: N801 - reads as the phrase that it is
    """Another Dovecot with the same certificate files, its own directory and its own ports."""

    def __init__(self, config: Path) -> None:
        from certcheck.lab.ports import reserved

        with reserved(20) as ports:
            spare = iter(ports)
            text = re.sub(r"\bport = \d+", lambda _: f"port = {next(spare)}", config.read_text())
        text = re.sub(r"(?m)^base_dir = (.*)$", r"base_dir = \1-second", text)
        self.config = config.with_name("second.conf")
        self.config.write_text(text)

    def __enter__(self) -> Path:
        self._process = subprocess.Popen(
            ["dovecot", "-F", "-c", str(self.config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait_until_up()
        return self.config

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            done = subprocess.run(
                ["doveadm", "-c", str(self.config), "service", "status"],
                capture_output=True,
                check=False,
                timeout=10,
            )
            if done.returncode == 0:
                return
        pytest.fail("the second Dovecot does not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)


def blocked_at_reload(lab: Lab, folder: Path) -> subprocess.Popen[bytes]:
    """An installation that hangs in `doveadm reload` until the file `go` is there."""
    real = shutil.which("doveadm")
    wrapper = folder / "doveadm"
    wrapper.write_text(
        f"#!/bin/sh\ntouch {folder}/reached\n"
        f'while [ ! -e {folder}/go ]; do sleep 0.05; done\nexec {real} "$@"\n'
    )
    wrapper.chmod(0o755)
    run = subprocess.Popen(
        [sys.executable, "-m", "certcheck", "install", "-c", str(lab.config), "--quiet"],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while not (folder / "reached").exists():
        assert time.monotonic() < deadline
        assert run.poll() is None
        time.sleep(0.01)
    return run


def kill_at_reload(lab: Lab, folder: Path) -> None:
    """Kill an installation after its files are written and before Dovecot is reloaded."""
    run = blocked_at_reload(lab, folder)
    run.kill()
    run.wait(timeout=10)
    for pid in hanging(folder):
        os.kill(pid, signal.SIGKILL)
    (folder / "go").touch()


def hanging(folder: Path) -> list[int]:
    """The processes of the wrapper, which outlive the killed run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(folder / "doveadm").encode() in words:
            found.append(int(entry.parent.name))
    return found


def test_the_state_of_the_store_says_where_a_generation_came_from(issued: Lab) -> None:
    newest = max(issued.path.glob("state/bundles/mail/*"), key=lambda p: int(p.name))
    origin = json.loads((newest / "origin.json").read_text())

    assert origin["directory"] == issued.acme_directory
    assert origin["order_url"].startswith("https://localhost:")
    assert (newest / "key.pem").stat().st_mode & 0o777 == 0o600
