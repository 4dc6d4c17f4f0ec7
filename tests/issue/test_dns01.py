import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.flags
import pytest

from certcheck.dns import Resolver
from certcheck.errors import InputError, Obstacle
from certcheck.host.local import LocalHost
from certcheck.issue.dns01 import Hook
from certcheck.issue.propagation import Patience
from certcheck.issue.solver import Challenge
from tests.name_server import Behaviour, Question, answer, kind, running

NAME = "mail.example.test"
OWNER = f"_acme-challenge.{NAME}"
VALUES = ("v" * 43, "w" * 42 + "-")
NOWHERE = Resolver(address="192.0.2.1", timeout=0.01)


def challenge(value: str = VALUES[0], name: str = NAME) -> Challenge:
    return Challenge(kind="dns-01", name=name, token="t", key_authorization=value)


@dataclass(kw_only=True)
class Told:
    """A hook program that writes down what it is asked, and what the solver says."""

    folder: Path
    said: list[str] = field(default_factory=list)

    def hook(
        self,
        script: str = "",
        resolver: Resolver = NOWHERE,
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> Hook:
        program = self.folder / "hook me"
        program.write_text(f'#!/bin/sh\necho "$@" >> "{self.log}"\n{script}\n')
        program.chmod(0o755)
        command = f"'{program}' --zone \"example test\""
        return Hook(
            command, host=LocalHost(), resolver=resolver, say=self.said.append, patience=patience
        )

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(folder=tmp_path)


def call(what: str, value: str = VALUES[0]) -> str:
    return f"--zone example test {what} {OWNER} {value}"


def test_a_record_is_put_in_and_taken_out(told: Told) -> None:
    with told.hook().presented(challenge()):
        assert told.calls == [call("present")]

    assert told.calls == [call("present"), call("cleanup")]
    assert told.said == []


def test_a_wildcard_and_its_base_have_two_values_at_once(told: Told) -> None:
    hook = told.hook()

    with hook.presented(challenge(VALUES[0])), hook.presented(challenge(VALUES[1])):
        assert told.calls == [call("present", VALUES[0]), call("present", VALUES[1])]

    assert told.calls[2:] == [call("cleanup", VALUES[1]), call("cleanup", VALUES[0])]


@pytest.mark.parametrize("error", [Obstacle("the authority refuses"), KeyboardInterrupt()])
def test_on_every_way_out_the_record_is_taken_out(told: Told, error: BaseException) -> None:
    with pytest.raises(type(error)), told.hook().presented(challenge()):
        raise error

    assert told.calls == [call("present"), call("cleanup")]


def test_a_hook_that_fails_is_quoted_and_cleaned_up_after(told: Told) -> None:
    hook = told.hook('[ "$3" = cleanup ] || { echo "zone is\x1b[31m locked" >&2; exit 7; }')

    with pytest.raises(Obstacle) as failed, hook.presented(challenge()):
        pytest.fail("presented")

    assert failed.value.exit_code == 3
    assert f"DNS hook, present {OWNER}: exit code 7" in failed.value.message
    assert "zone is?[31m locked" in failed.value.message
    assert told.calls == [call("present"), call("cleanup")]


def test_endless_words_of_a_hook_are_cut(told: Told) -> None:
    hook = told.hook('[ "$3" = cleanup ] || { head -c 9000000 /dev/zero | tr "\\0" x; exit 1; }')

    with pytest.raises(Obstacle) as failed, hook.presented(challenge()):
        pytest.fail("presented")

    assert len(failed.value.message) < 2000


def test_a_cleanup_that_fails_is_a_warning_and_no_failure(told: Told) -> None:
    hook = told.hook('[ "$3" = present ] || { echo "no such record"; exit 1; }')

    with hook.presented(challenge()):
        pass

    (warning,) = told.said
    assert warning.startswith(f"warning: {OWNER} may still have its TXT record: DNS hook, cleanup")
    assert "no such record" in warning


def test_a_hook_that_hangs_is_stopped_with_its_children(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certcheck.issue.dns01._HOOK_SECONDS", 0.5)
    hook = told.hook(f'[ "$3" = cleanup ] || {{ sleep 600 & echo $! > {told.folder}/pid; wait; }}')

    with (
        pytest.raises(Obstacle, match=r"did not end within 0\.5 s and was stopped"),
        hook.presented(challenge()),
    ):
        pytest.fail("presented")

    assert told.calls == [call("present"), call("cleanup")]
    pid = int((told.folder / "pid").read_text())
    wait_for_end(pid)


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rpartition(") ")[2].startswith("Z"):
            return
    pytest.fail(f"{pid} goes on")


def test_sigterm_during_the_hook_takes_the_record_out(told: Told) -> None:
    told.hook(f'[ "$3" = cleanup ] || {{ touch {told.folder}/reached; sleep 600; }}')
    script = f"""
from pathlib import Path
from certcheck.cli import interruption
from tests.issue.test_dns01 import Told, Hook, LocalHost, NOWHERE, challenge
interruption.expect()
command = "'{told.folder}/hook me' --zone 'example test'"
hook = Hook(command, host=LocalHost(), resolver=NOWHERE, say=print)
with hook.presented(challenge()):
    raise AssertionError
"""
    run = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (told.folder / "reached").exists():
        assert time.monotonic() < deadline

    os.kill(run.pid, signal.SIGTERM)

    assert run.wait(30) != 0
    assert told.calls == [call("present"), call("cleanup")]


@pytest.mark.parametrize("command", ["", "  ", "'unbalanced"])
def test_a_command_that_is_none_is_refused(command: str) -> None:
    with pytest.raises(InputError, match="the DNS hook"):
        Hook(command, host=LocalHost(), resolver=NOWHERE, say=print)


def test_a_program_that_is_not_there_is_an_obstacle(tmp_path: Path) -> None:
    hook = Hook(f"{tmp_path}/none", host=LocalHost(), resolver=NOWHERE, say=lambda _: None)

    with (
        pytest.raises(Obstacle, match=r"DNS hook: cannot run .*none: No such file"),
        hook.presented(challenge()),
    ):
        pytest.fail("presented")


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    hook = Hook(f"/bin/true $(touch {tmp_path}/x);", host=LocalHost(), resolver=NOWHERE, say=print)

    with hook.presented(challenge()):
        pass

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "value"), [("127.0.0.1", VALUES[0]), (NAME, "--help")])
def test_what_an_authority_should_not_ask_for_reaches_no_program(
    told: Told, name: str, value: str
) -> None:
    with (
        pytest.raises(Obstacle, match="cannot be proved by dns-01"),
        told.hook().presented(challenge(value, name)),
    ):
        pytest.fail("presented")

    assert not told.log.exists()


@dataclass(kw_only=True)
class Zone:
    """Resolver and name servers of example.test in one, which get the records one by one."""

    texts: tuple[tuple[str, ...], ...]
    servers: tuple[str, ...] = ("127.0.0.1",)
    asked: int = 0

    def __call__(self, question: Question) -> bytes | None:
        name = str(question.question[0].name)
        if kind(question) == "TXT":
            now = self.texts[min(self.asked, len(self.texts) - 1)]
            self.asked += 1
            return answer(question, *(f'{name} TXT "{t}"' for t in now), flags=dns.flags.AA)
        if kind(question) == "NS" and name == "example.test.":
            return answer(question, f"{name} NS ns.example.test.")
        if kind(question) == "A" and name == "ns.example.test.":
            return answer(question, *(f"{name} A {each}" for each in self.servers))
        return answer(question)


@contextmanager
def presented(told: Told, behave: Behaviour, **patience: float) -> Iterator[Hook]:
    with running(behave) as resolver, ExitStack() as records:
        usual = {"whole": 5.0, "silence": 0.5, "pause": 0.01}
        waiting = Patience(**(usual | patience), port=resolver.port)
        hook = told.hook(resolver=resolver, patience=waiting)
        for value in VALUES:
            records.enter_context(hook.presented(challenge(value)))
        yield hook


def test_it_waits_until_the_server_has_both_values(told: Told) -> None:
    # The first question only finds out whether the name is somewhere else.
    zone = Zone(texts=((), (), VALUES[:1], VALUES[:1], ("other", *VALUES)))

    with presented(told, zone) as hook:
        hook.ready()

    assert zone.asked == 5
    assert told.said == [
        "waiting until the TXT records are everywhere: ns.example.test (127.0.0.1)"
    ]


def test_a_server_that_never_has_them_is_named(told: Told) -> None:
    zone = Zone(texts=(VALUES[:1],))
    with presented(told, zone, whole=0.3) as hook, pytest.raises(Obstacle) as stopped:
        hook.ready()

    assert stopped.value.message == (
        f"TXT records are not everywhere after 0.3 s: ns.example.test (127.0.0.1) has no {OWNER}"
    )


def test_a_server_that_cannot_be_asked_is_a_warning(told: Told) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        zone = Zone(texts=(VALUES,), servers=("127.0.0.1", "127.0.0.3"))
        with presented(told, zone) as hook:
            silent.bind(("127.0.0.3", hook._patience.port))
            hook.ready()

    (warning,) = [line for line in told.said if "warning" in line]
    assert "ns.example.test (127.0.0.3) cannot be asked: no answer within 3 s" in warning


def test_a_zone_that_nobody_knows_is_a_warning(told: Told) -> None:
    with presented(told, answer) as hook:
        hook.ready()

    assert told.said[0].startswith(f"warning: nobody knows which servers have {OWNER}: ")
