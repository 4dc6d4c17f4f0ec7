"""When an installation does not hold: exit 4, the old files, and the old certificate everywhere."""

import re
import signal
from pathlib import Path

import pytest

from certcheck.lab import Lab
from tests.conftest import Certcheck
from tests.live.hosting import (
    blocked_at_reload,
    files,
    hanging,
    rsa_only_postfix,
    second_dovecot,
    served,
    toml,
)


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
    message = undone.document["error"]["message"]
    assert "still serves" in message
    assert re.search(r"on port \d+ listens .*dovecot, process \d+", message)
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


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_while_a_server_hangs_puts_everything_back(
    issued: Lab, certcheck: Certcheck, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    before, old = files(issued), served(issued)
    run = blocked_at_reload(issued, tmp_path, hang_once=True)

    run.send_signal(number)

    assert run.wait(timeout=60) == code
    assert files(issued) == before
    assert served(issued) == old
    assert hanging(tmp_path) == []
    assert certcheck("recover", "-c", issued.config, "--json").document["actions"] == []
