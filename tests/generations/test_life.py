"""The life of such a lab: by the command, killed, without what it needs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from certcheck.config import load
from certcheck.errors import Obstacle
from certcheck.lab.generations import trees, world
from certcheck.lab.generations.release import OLD
from certcheck.lab.holder import descendants
from tests.conftest import COMMAND, Certcheck
from tests.lab.asking import gone, until

SCRIPTS = {"client", "old", "new", "move-address", "move-mailboxes", "dns-hook"}


@pytest.fixture
def starter(trees: trees.Trees, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`certcheck lab up --generations`, which has said that it is ready."""
    assert trees.old.exists()
    with subprocess.Popen(
        [*COMMAND, "lab", "up", "--generations", "--dir", str(tmp_path / "lab")],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("ready: 16 ports; ")
        assert all(name in line for name in SCRIPTS)
        yield process
        process.kill()


def document(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "lab/lab.json").read_text())
    return found


def everything(folder: Path) -> set[int]:
    pids = document(folder)["pids"]
    assert isinstance(pids, list)
    return {*pids, *descendants(pids[0])}


def machine() -> tuple[str, str]:
    """The mounts and network devices of the machine itself."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, check=True, text=True).stdout
    return Path("/proc/self/mountinfo").read_text(), links


def namespaces() -> set[str]:
    """All namespaces that a process has."""
    found = set()
    for each in Path("/proc").glob("[0-9]*/ns/*"):
        try:
            found.add(os.readlink(each))  # noqa: PTH115 - it names no path
        except OSError:
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_ends_well_on_a_signal(
    starter: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    pids = everything(tmp_path)

    starter.send_signal(number)

    assert starter.wait(timeout=10) == 0
    assert all(map(gone, pids))
    assert not (tmp_path / "lab/lab.json").exists()


def test_a_killed_starter_leaves_nothing(starter: subprocess.Popen[str], tmp_path: Path) -> None:
    before = machine()
    pids = everything(tmp_path)
    own = {os.readlink(f"/proc/{pid}/ns/net") for pid in pids if Path(f"/proc/{pid}").exists()}  # noqa: PTH115 - it names no path
    assert len(own) == 4  # the machine's, the client's, and one a host

    starter.kill()

    until(lambda: all(map(gone, pids)), seconds=5)
    assert machine() == before
    assert (namespaces() & own) == {os.readlink("/proc/self/ns/net")}  # noqa: PTH115 - as above
    assert not (tmp_path / "lab/lab.json").exists()


def test_a_killed_holder_leaves_no_host(starter: subprocess.Popen[str], tmp_path: Path) -> None:
    hosts = document(tmp_path)["generations"]["host_pids"].values()  # type: ignore[index]
    pids = document(tmp_path)["pids"]

    os.kill(pids[0], signal.SIGKILL)  # type: ignore[index]

    until(lambda: all(map(gone, hosts)), seconds=5)
    assert starter.wait(timeout=10) == 3
    for pid in pids[1:]:  # type: ignore[index]
        if not gone(pid):
            os.kill(pid, signal.SIGKILL)


def test_lab_json_says_what_there_is(starter: subprocess.Popen[str], tmp_path: Path) -> None:
    assert starter.poll() is None
    lab = document(tmp_path)

    assert set(lab) == {
        *("schema", "hosts", "directory", "acme_ca", "acme_root", "http01_port", "challtestsrv"),
        *("users", "config", "pids", "generations"),
    }
    assert lab["schema"] == "certcheck.lab/1"
    hosts: Any = lab["hosts"]
    old, new = hosts
    assert [host["name"] for host in (old, new)] == [
        "mail-old.example.test",
        "mail-new.example.test",
    ]
    assert old["addresses"] == ["10.77.0.11", "fd00:77::11"]
    assert "imap://mail.example.test:143" in new["endpoints"]
    assert old["dovecot"]["version"].startswith("2.3.")
    own = lab["generations"]
    assert set(own["scripts"]) == SCRIPTS  # type: ignore[index]
    assert own["service_addresses"] == ["10.77.0.10", "fd00:77::10"]  # type: ignore[index]
    site, _ = load(Path(str(lab["config"])))
    assert [host.name.ascii for host in site.host] == ["mail-new.example.test"]


def test_the_scripts_work_by_hand(starter: subprocess.Popen[str], tmp_path: Path) -> None:
    assert starter.poll() is None

    def said(*words: str) -> str:
        name, *rest = words
        done = subprocess.run(
            [tmp_path / "lab" / name, *rest], capture_output=True, check=True, text=True, timeout=30
        )
        return done.stdout.strip()

    def owner() -> str:
        return next(name for name in ("old", "new") if "10.77.0.10" in said(name, *ADDRESSES))

    assert said("old", "dovecot", "--version").startswith("2.3.")
    assert said("new", "hostname") == "mail-new.example.test"
    assert "10.77.0.10" in said("client", "getent", "ahostsv4", "mail.example.test")
    assert owner() == "old"
    said("move-address", "new")
    assert owner() == "new"
    said("move-mailboxes")
    assert "alice@example.test" in said("new", "ls", "/var/vmail")


ADDRESSES = ("cat", "/proc/net/fib_trie")


@pytest.mark.parametrize("program", ["unshare", "nsenter", "ip"])
def test_a_missing_program_is_told_by_its_package(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = world.NEEDED[program]
    monkeypatch.setattr(world, "NEEDED", {f"no-such-{program}": package})

    with pytest.raises(Obstacle, match=f"not installed: {package}"), world.up(tmp_path / "lab"):
        pass


def test_a_kernel_without_overlayfs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "filesystems").write_text("nodev\ttmpfs\n\text4\n")
    monkeypatch.setattr(world, "_FILESYSTEMS", tmp_path / "filesystems")

    with pytest.raises(Obstacle, match="overlayfs"), world.up(tmp_path / "lab"):
        pass


def test_without_root_rights_there_is_none(certcheck: Certcheck, tmp_path: Path) -> None:
    ended = certcheck("lab", "up", "--generations", "--dir", tmp_path / "lab", as_nobody=True)

    assert ended.code == 3
    assert "root rights" in ended.complaint


def test_an_apt_without_sources_is_told_and_leaves_no_half_tree(
    certcheck: Certcheck, tmp_path: Path
) -> None:
    empty = tmp_path / "apt.conf"
    empty.write_text('Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "/dev/null";\n')
    env = {"APT_CONFIG": str(empty), "CERTCHECK_CACHE": str(tmp_path / "cache")}

    ended = certcheck("lab", "up", "--generations", "--dir", tmp_path / "lab", env=env)

    assert ended.code == 3
    assert "cannot be fetched: apt of this machine knows no archive" in ended.complaint
    assert {each.suffix for each in (tmp_path / "cache").iterdir()} == {".lock"}


def test_two_that_want_a_tree_at_once_get_the_same_and_servers_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import os; os.umask(0o077);"  # as the command line has it
        "from certcheck.lab.generations.trees import tree;"
        "from certcheck.lab.generations.release import OLD; print(tree(OLD))"
    )
    env = {**os.environ, "CERTCHECK_CACHE": str(tmp_path)}

    both = [
        subprocess.Popen([sys.executable, "-c", program], env=env, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    said = {process.communicate(timeout=100)[0] for process in both}

    monkeypatch.setenv("CERTCHECK_CACHE", str(tmp_path))
    made = trees_of(tmp_path)
    assert said == {f"{made}\n".encode()}
    for file in ("passwd", "group", "hosts", "nsswitch.conf", "ld.so.cache"):
        assert (made / "etc" / file).stat().st_mode & 0o777 == 0o644
    for folder in ("", "etc", "etc/dovecot", "usr/lib", "var/lib", "var/vmail", "run"):
        assert (made / folder).stat().st_mode & 0o777 == 0o755


def trees_of(cache: Path) -> Path:
    (found,) = cache.glob("tree-bullseye-*/")
    assert found.name == f"tree-bullseye-{trees.key(OLD)}"
    return found
