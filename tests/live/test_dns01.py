"""Certificates by dns-01 in a network of their own, with real name servers on port 53."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from certcheck import x509
from certcheck.lab import pki
from certcheck.lab.daemons import Daemon, held
from certcheck.lab.premises import program
from tests.conftest import COMMAND
from tests.live.zones import PRIMARY, RESOLVER, SECONDARY, prepare

ROOT = Path(__file__).parents[2]
BOTH = (PRIMARY, SECONDARY)
OWNER = "_acme-challenge.mail.example.test"
_TOML = """\
[site]
state = "state"
resolver = "{resolver}"
[acme]
directory = "https://localhost:14000/dir"
ca_file = "ca.pem"
[[bundle]]
name = "mail"
names = ["mail.example.test", "*.mail.example.test"]
challenge = "dns-01"
dns_hook = {hook}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A network with two name servers, a resolver, and a Pebble that believes the secondary."""

    folder: Path
    inside: tuple[str, ...]
    env: Mapping[str, str]

    @property
    def hook(self) -> tuple[str, ...]:
        """The program that changes the zone."""
        return (sys.executable, "-m", "tests.live.zones", str(self.folder))

    def zones(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self.inside, *self.hook, *arguments],
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
            env=self.env,
        )
        return done.stdout.strip()

    def issue(self, *options: str) -> subprocess.Popen[str]:
        """`certcheck issue`, as it goes on."""
        command = ("issue", "-c", str(self.folder / "certcheck.toml"), *options)
        return subprocess.Popen(
            [*self.inside, *COMMAND, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env,
        )

    @property
    def gone(self) -> bool:
        """Whether no server has a record any more."""
        return all(self.zones("show", address, OWNER) == "" for address in BOTH)

    @property
    def stored(self) -> list[Path]:
        return sorted(self.folder.glob("state/bundles/mail/*"))


WorldMaker = Callable[..., World]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[WorldMaker]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(_world(tmp_path, **options))


@contextmanager
def _world(folder: Path, *, servers: tuple[str, ...] = BOTH) -> Iterator[World]:
    with _network() as inside, held(folder / "holder.log") as daemons:
        one = World(folder=folder, inside=inside, env={**os.environ, "PYTHONPATH": str(ROOT)})
        for name, argv in prepare(folder, servers=servers).items():
            log = folder / f"{name}.log"
            daemons.start(
                Daemon(name=name, argv=(*inside, program(argv[0]), *argv[1:]), output=log)
            )
        daemons.start(_pebble(folder, inside))
        hook = " ".join(f"'{word}'" for word in one.hook)
        toml = _TOML.format(resolver=RESOLVER, hook=json.dumps(hook))
        (folder / "certcheck.toml").write_text(toml)
        _wait_until(lambda: all(_listens(one, port) for port in (14000, 53)))
        _wait_until(lambda: all(_answers(one, address) for address in BOTH))
        yield one


@contextmanager
def _network() -> Iterator[tuple[str, ...]]:
    """A network with nothing but loopback, and what runs a command in it."""
    with subprocess.Popen(
        ["unshare", "-n", "sh", "-ec", "ip link set lo up; echo up; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == b"up\n"
        yield (program("nsenter"), f"--net=/proc/{keeper.pid}/ns/net", "--")


def _pebble(folder: Path, inside: tuple[str, ...]) -> Daemon:
    https = pki.authority()
    leaf = https.issue(pki.Shape(names=("localhost",)))
    (folder / "ca.pem").write_bytes(https.root.certificate)
    (folder / "cert.pem").write_bytes(leaf.chain)
    (folder / "key.pem").write_bytes(leaf.key)
    settings = {
        "listenAddress": "127.0.0.1:14000",
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": str(folder / "cert.pem"),
        "privateKey": str(folder / "key.pem"),
        "httpPort": 80,
        "tlsPort": 443,
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
    options = ("-config", str(folder / "pebble.json"), "-dnsserver", f"{SECONDARY}:53")
    return Daemon(
        name="pebble",
        argv=(*inside, program("pebble"), *options),
        output=folder / "pebble.log",
        env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "0"},
    )


def _listens(world: World, port: int) -> bool:
    asked = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
    command = [*world.inside, sys.executable, "-c", asked]
    return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0


def _answers(world: World, address: str) -> bool:
    try:
        world.zones("show", address, OWNER)
    except subprocess.CalledProcessError:
        return False
    return True


def _wait_until(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(100):
        if holds():
            return
        pause.wait(0.05)
    pytest.fail("it never came true")


def read_until(run: subprocess.Popen[str], words: str) -> str:
    """What the run says up to a line with these words; fails when it ends before."""
    assert run.stderr is not None
    said = ""
    for line in run.stderr:
        said += line
        if words in line:
            return said
    pytest.fail(said)


def ended(run: subprocess.Popen[str]) -> tuple[int, str]:
    said = run.communicate(timeout=100)[1]
    return run.returncode, said


def test_a_late_secondary_is_waited_for_and_a_wildcard_is_issued(world: WorldMaker) -> None:
    one = world()
    run = one.issue()

    said = read_until(run, "waiting until the TXT records are everywhere")
    assert f"ns3.example.test ({SECONDARY})" in said
    assert len(one.zones("show", PRIMARY, OWNER).split()) == 2
    assert one.zones("show", SECONDARY, OWNER) == ""
    assert run.poll() is None
    one.zones("release")
    code, said = ended(run)

    assert code == 0, said
    assert "warning" not in said
    (generation,) = one.stored
    leaf, *_ = x509.chain((generation / "chain-ecdsa.pem").read_bytes(), where="chain")
    assert leaf.names == ("mail.example.test", "*.mail.example.test")
    assert one.gone


def test_after_a_refusal_the_records_are_gone(world: WorldMaker) -> None:
    one = world(servers=(PRIMARY,))  # the authority asks a server that is nobody's

    code, said = ended(one.issue())

    assert code == 3
    assert "does not authorize" in said
    assert one.stored == []
    assert one.gone


def test_after_sigterm_the_records_are_gone(world: WorldMaker) -> None:
    one = world()
    run = one.issue()
    read_until(run, "waiting until the TXT records are everywhere")

    run.send_signal(signal.SIGTERM)
    code, said = ended(run)

    assert code == 143, said
    assert one.stored == []
    assert one.gone


def test_a_hook_that_fails_ends_the_order_with_its_words(world: WorldMaker) -> None:
    one = world()

    code, said = ended(one.issue("--dns-hook", "sh -c 'echo zone is locked >&2; exit 9'"))

    assert code == 3
    assert f"DNS hook, present {OWNER}: exit code 9, it says 'zone is locked'" in said
    assert one.stored == []
    assert one.gone
