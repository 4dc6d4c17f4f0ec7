"""No private key is shown: not by arguments, environment, log or report."""

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

from certcheck.lab import Lab
from tests.process_tree import family

PIECE = 24  # characters of Base64 that no other text has by chance


def pieces(pem: bytes) -> set[bytes]:
    """The parts of a PEM key by which it would be recognised anywhere."""
    body = b"".join(line for line in pem.splitlines() if not line.startswith(b"-"))
    return {body[i : i + PIECE] for i in range(PIECE, len(body) - PIECE, PIECE)}


class Watch:
    """Reads the arguments and the environment of all children of a process until it ends."""

    def __init__(self, pid: int) -> None:
        self.seen: set[bytes] = set()
        self._pid = pid
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while not self._end.wait(0.005):
            for pid in family(self._pid):
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        self.seen.add(Path(f"/proc/{pid}/{name}").read_bytes())

    def stop(self) -> bytes:
        self._end.set()
        self._thread.join()
        return b"\n".join(self.seen)


def watched(folder: Path, *arguments: str | Path) -> bytes:
    """All that a command shows: output, report, and what /proc told of it and its children."""
    process = subprocess.Popen(
        [sys.executable, "-m", "certcheck", *map(str, arguments)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    watch = Watch(process.pid)
    output, errors = process.communicate(timeout=120)
    return b"\n".join((output, errors, watch.stop()))


def keys(lab: Lab) -> list[bytes]:
    """Every private key of the lab that certcheck has touched."""
    files = [
        *lab.path.glob("state/bundles/*/*/key-*.pem"),
        *lab.path.glob("state/accounts/*/key.pem"),
    ]
    return [path.read_bytes() for path in files]


def pair(folder: Path, chain: str, key: str) -> tuple[str, ...]:
    """The options for an exported chain and key, which may not belong together."""
    return f"--chain={folder}/out/chain-{chain}.pem", f"--key={folder}/out/key-{key}.pem"


def test_no_piece_of_a_key_is_shown_anywhere(fresh_lab: Lab, tmp_path: Path) -> None:
    old = (fresh_lab.path / "dovecot" / "tls" / "privkey.pem").read_bytes()
    site = ("-c", fresh_lab.config)
    broken = tmp_path / "broken.toml"
    text = fresh_lab.config.read_text().replace("dovecot.conf", "gone.conf")
    broken.write_text(text.replace('"state"', f'"{fresh_lab.path}/state"'))
    copy = fresh_lab.path / "dovecot" / "gone.conf"
    config = (fresh_lab.path / "dovecot" / "dovecot.conf").read_text()
    copy.write_text(config.replace("base_dir = ", "base_dir = /nowhere"))

    shown = [
        watched(tmp_path, "issue", *site, "--json", "-o", "issue.json"),
        watched(tmp_path, "issue", *site),
        watched(tmp_path, "install", *site, "--dry-run"),
        watched(tmp_path, "install", "-c", broken),  # undone
        watched(tmp_path, "install", *site, "--json", "-o", "install.json"),
        watched(tmp_path, "audit", *site, "--json"),
        watched(tmp_path, "recover", *site),
        watched(tmp_path, "issue", *site, "--key", "both"),
        watched(tmp_path, "install", *site, "--tlsa-later", "soon"),
        watched(tmp_path, "rollback", *site, "--dry-run"),
        watched(tmp_path, "rollback", *site, "--json", "-o", "rollback.json"),
        watched(tmp_path, "bundles", "list", *site),
        watched(tmp_path, "bundles", "show", "mail", *site, "--json"),
        watched(tmp_path, "bundles", "export", "mail", *site, "-o", "out"),
        watched(tmp_path, "bundles", "import", "own", *site, *pair(tmp_path, "rsa", "rsa")),
        watched(tmp_path, "bundles", "import", "own", *site, *pair(tmp_path, "rsa", "ecdsa")),
    ]

    logs = [path.read_bytes() for path in fresh_lab.path.rglob("*log*") if path.is_file()]
    reports = [path.read_bytes() for path in tmp_path.glob("*.json")]
    secrets = {piece for pem in (old, *keys(fresh_lab)) for piece in pieces(pem)}
    everything = b"\n".join((*shown, *logs, *reports))
    assert len(secrets) > 50
    assert len(logs) > 3
    assert b"doveadm" in everything  # the watch has seen the children
    assert b"everything was put back" in everything
    assert b"own/1" in everything
    assert b"the key does not match" in everything
    assert [s for s in secrets if s in everything] == []


def test_the_watch_would_see_a_key() -> None:
    secret = "MIIEvgIBADANBgkqhkiG9w0BAQEF"
    sleeper = subprocess.Popen(
        ["sh", "-c", 'sh -c "sleep 30 & wait" sh "$0"', secret], env={**os.environ, "K": "x"}
    )
    watch = Watch(sleeper.pid)
    try:
        while not any(secret.encode() in seen for seen in list(watch.seen)):
            assert sleeper.poll() is None
    finally:
        for pid in list(family(sleeper.pid))[::-1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        sleeper.wait(timeout=10)
        watch.stop()
