"""What the live tests of certbot share: a lab whose bundle is certbot's, and the real certbot."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from certcheck.lab import Lab

CERTBOT = Path(sys.executable).with_name("certbot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certbots:
    """certbot's own directories, and the certcheck.toml that names them."""

    lab: Lab
    config: Path
    home: Path

    @property
    def live(self) -> Path:
        """The current files of the lineage `mail`."""
        return self.home / "config" / "live" / "mail"

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
        """The real certbot with these arguments, as the admin runs it: its exit code and words."""
        done = subprocess.run(
            [CERTBOT, *arguments, *directories(self.home)],
            env={**os.environ, "REQUESTS_CA_BUNDLE": str(self.lab.acme_ca), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout

    def renew(self, *hook: str | Path) -> str:
        """A renewal before its time, with this program as the deploy hook: what certbot said."""
        code, said = self.run(
            *("renew", "--force-renewal", "--no-random-sleep-on-renew"),
            *(("--deploy-hook", shlex.join(map(str, hook))) if hook else ()),
        )
        assert code == 0, said
        return said


def directories(home: Path) -> list[str]:
    """The arguments that keep certbot within `home`."""
    return [f"--{name}-dir={home / name}" for name in ("config", "work", "logs")]


def certbots(lab: Lab) -> Certbots:
    """The lab with a certcheck.toml that leaves its bundle to certbot."""
    home = lab.path / "certbot"
    via = f'via = "certbot"\ncertbot_args = "{shlex.join(directories(home))}"\n'
    config = lab.path / "by-certbot.toml"
    text = lab.config.read_text()
    config.write_text(text.replace('challenge = "http-01"\n', f'challenge = "http-01"\n{via}'))
    return Certbots(lab=lab, config=config, home=home)


def hook(folder: Path) -> str:
    """An authenticator's hook that says when it is reached, and waits for the file `go`."""
    script = folder / "hook"
    script.write_text(
        f'#!/bin/sh\ntouch "{folder}/reached"\nwhile [ ! -e "{folder}/go" ]; do sleep 0.05; done\n'
    )
    script.chmod(0o755)
    return f"--manual --preferred-challenges http --manual-auth-hook {shlex.quote(str(script))}"


@contextmanager
def waiting(
    folder: Path, *argv: str | Path, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """A program that has come as far as the hook in `folder`; it is let go at the end."""
    process = subprocess.Popen(
        [str(word) for word in argv],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not (folder / "reached").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield process
    finally:
        (folder / "go").touch()
        process.communicate(timeout=60)


def running(word: str) -> list[int]:
    """The processes with this word in their arguments."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            told = entry.read_bytes()
        except OSError:
            continue
        if word.encode() in told and int(entry.parent.name) != os.getpid():
            found.append(int(entry.parent.name))
    return found
