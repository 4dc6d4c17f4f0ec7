"""Packages of another release, fetched by this machine's own apt; it does not notice."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from certcheck.errors import Obstacle
from certcheck.lab.generations.release import Release

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_PATIENCE = 600  # seconds for one call of apt
_SOURCES = ("--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages", "Origin: Debian")
_HINT = "see `apt-get update`; the trees are kept, so that this is needed once"


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """An apt of our own in `folder`, on top of this machine's configuration: proxies and keys.

    Given as options, which apt reads last.
    """

    folder: Path

    def apt(self, *words: str, options: tuple[str, ...] = ()) -> str:
        """What apt-get says; raises Obstacle with its first complaint."""
        values = [word for option in (*self._own(), *options) for word in ("-o", option)]
        done = subprocess.run(
            ["apt-get", *values, *words],
            capture_output=True,
            check=False,
            text=True,
            timeout=_PATIENCE,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            complaints = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            raise Obstacle(
                f"apt-get {words[0]}: {next(iter(complaints), 'failed')[:300]}", hint=_HINT
            )
        return done.stdout

    def _own(self) -> Iterator[str]:
        yield f"Dir::State={self.folder}/state"
        yield f"Dir::State::status={self.folder}/status"
        yield f"Dir::Cache={self.folder}/cache"
        yield "APT::Sandbox::User=root"
        yield "APT::Install-Recommends=false"
        yield "Acquire::Languages=none"
        # A release that is archived one day says until when its list was meant to be valid.
        yield "Acquire::Check-Valid-Until=false"
        yield "Debug::NoLocking=1"


def fetched(release: Release, folder: Path) -> list[Path]:
    """The packages of a release and all that they depend on, below `folder`.

    Raises Obstacle for what cannot be fetched.
    """
    try:
        return _fetched(release, folder)
    except Obstacle as e:
        raise Obstacle(
            f"the packages of {release.label} cannot be fetched: {e.message}", hint=e.hint
        ) from e


def _fetched(release: Release, folder: Path) -> list[Path]:
    state = _State(folder=folder)
    for each in ("state/lists/partial", "cache/archives/partial"):
        (folder / each).mkdir(parents=True)
    (folder / "status").touch()
    sources = folder / "sources.list"
    sources.write_text("".join(_lines(release, _mirrors(state))))
    only = (f"Dir::Etc::sourcelist={sources}", *_nothing_else())
    state.apt("-qq", "update", "-o", "APT::Update::Error-Mode=any", options=only)
    state.apt("-qq", "-y", "-d", "install", *release.packages, options=only)
    return sorted((folder / "cache/archives").glob("*.deb"))


def _nothing_else() -> Iterator[str]:
    for each in ("sourceparts", "preferences", "preferencesparts"):
        yield f"Dir::Etc::{each}=/dev/null"


def _mirrors(state: _State) -> dict[str, str]:
    """The addresses that this machine has for Debian, by the label of the archive."""
    usual = subprocess.run(
        ["apt-get", "indextargets", *_SOURCES],
        capture_output=True,
        check=False,
        text=True,
        timeout=_PATIENCE,
    ).stdout
    if not usual.strip():
        # Without lists apt does not know whose archives those are.
        state.apt("-qq", "update")
        usual = state.apt("indextargets", *_SOURCES)
    found = dict(line.split(" ", 1) for line in usual.splitlines() if " " in line)
    if "Debian" not in found:
        raise Obstacle("apt of this machine knows no archive of Debian", hint="see `apt policy`")
    return found


def _lines(release: Release, mirrors: dict[str, str]) -> Iterator[str]:
    begin = f"deb [signed-by={_KEYRING}]"
    yield f"{begin} {mirrors['Debian']} {release.suite} main\n"
    if release.frozen:
        return
    yield f"{begin} {mirrors['Debian']} {release.suite}-updates main\n"
    if security := mirrors.get("Debian-Security"):
        yield f"{begin} {security} {release.suite}-security main\n"
