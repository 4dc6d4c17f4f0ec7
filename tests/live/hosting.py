"""What the live tests of installations share: what a lab serves, and ways to disturb it."""

import hashlib
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

from certcheck.lab import Lab
from certcheck.targets import endpoint
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


def leaf(lab: Lab, ref: str, kind: str = "ecdsa") -> str:
    """The SHA-256 of a stored generation's leaf for that type of key."""
    text = (lab.path / "state" / "bundles" / ref / f"chain-{kind}.pem").read_text()
    first = text[: text.index("-----END")] + "-----END CERTIFICATE-----\n"
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()


def toml(lab: Lab, *changes: tuple[str, str]) -> Path:
    """Another certcheck.toml of the lab, with these texts replaced."""
    text = lab.config.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = lab.path / f"other-{len(changes)}.toml"
    path.write_text(text)
    return path


def with_sni_table(folder: Path, rows: str) -> None:
    """Give the Postfix of that directory a table of names with certificates of their own."""
    (folder / "sni").write_text(rows)
    main = folder / "main.cf"
    text = f"{main.read_text()}tls_server_sni_maps = hash:{folder}/sni\n"
    main.write_text(text)
    os.utime(main, (time.time() - 60,) * 2)
    subprocess.run(["postmap", "-c", folder, "-F", f"hash:{folder}/sni"], check=True, timeout=30)
    reconfigure(main, text)


def failing_reload(folder: Path, program: str) -> dict[str, str]:
    """An environment in which the first `PROGRAM ... reload` fails, and then no more."""
    wrapper = folder / program
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *reload*) [ -e {folder}/failed ] || '
        f"{{ touch {folder}/failed; echo it does not reload >&2; exit 1; }};; esac\n"
        f'exec {shutil.which(program)} "$@"\n'
    )
    wrapper.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


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


def blocked_at_reload(
    lab: Lab, folder: Path, *, hang_once: bool = False
) -> subprocess.Popen[bytes]:
    """An installation that hangs in `doveadm reload` until the file `go` is there.

    With `hang_once` only the first reload hangs, and for ever.
    """
    real = shutil.which("doveadm")
    freed = f'[ -e "{folder}/reached" ]' if hang_once else f'[ -e "{folder}/go" ]'
    wrapper = folder / "doveadm"
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *reload*) if ! {freed}; then\ntouch {folder}/reached\n'
        f'while [ ! -e "{folder}/go" ]; do sleep 0.05; done\nfi;; esac\nexec {real} "$@"\n'
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
