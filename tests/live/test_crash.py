"""kill -9 at every point of every acting command: old or new is served, and the next run heals."""

from pathlib import Path

import pytest

from certcheck.lab import Lab
from tests.conftest import Certcheck, Ended
from tests.live.hosting import files, leaf, served

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

KILLED = -9
MOST = 60  # points; a command that passes more of them has a loop


@pytest.fixture
def twice(fresh_lab: Lab, certcheck: Certcheck) -> Lab:
    """A lab that serves mail/1, and has mail/2 in its store."""
    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    assert certcheck("install", "-c", fresh_lab.config).code == 0
    assert certcheck("issue", "-c", fresh_lab.config).code == 0
    return fresh_lab


class Hoster:
    """Somebody whose certcheck is killed again and again."""

    def __init__(self, lab: Lab, certcheck: Certcheck) -> None:
        self.lab = lab
        self._certcheck = certcheck

    def run(self, *arguments: str, crash_at: int = 0) -> Ended:
        env = {"CERTCHECK_CRASH_AT": str(crash_at)} if crash_at else {}
        return self._certcheck(*arguments, "-c", self.lab.config, "--json", env=env)

    def serves(self) -> str:
        """The generation that every port serves."""
        (found,) = served(self.lab)
        return {leaf(self.lab, ref): ref for ref in ("mail/1", "mail/2")}[found]

    def other(self) -> str:
        return {"mail/1": "mail/2", "mail/2": "mail/1"}[self.serves()]

    def expect_old_or_new(self) -> None:
        assert served(self.lab) <= {leaf(self.lab, ref) for ref in ("mail/1", "mail/2")}

    def expect_healed_by(self, *arguments: str) -> None:
        """The next run heals, and the one after that has nothing to do."""
        assert self.run(*arguments).code == 0
        assert self.serves()
        before = files(self.lab)
        again = self.run("recover").document
        assert (again["exit_code"], again["actions"]) == (0, [])
        assert files(self.lab) == before
        assert list(self.lab.path.glob("*/tls/.*")) == []


@pytest.fixture
def hoster(twice: Lab, certcheck: Certcheck) -> Hoster:
    return Hoster(twice, certcheck)


def test_an_installation_killed_anywhere(hoster: Hoster) -> None:
    for number in range(1, MOST):
        was, target = hoster.serves(), hoster.other()
        killed = hoster.run("install", target, crash_at=number)
        if killed.code != KILLED:
            assert (killed.code, hoster.serves()) == (0, target)
            assert number > 20
            return
        hoster.expect_old_or_new()
        # Every second time it is healed by another installation, which brings the old one back.
        hoster.expect_healed_by(*(("recover",) if number % 2 else ("install", was)))
    pytest.fail("the installation passes too many points")


def test_a_rollback_killed_anywhere(hoster: Hoster) -> None:
    for number in range(1, MOST):
        if hoster.serves() == "mail/1":
            assert hoster.run("install", "mail/2").code == 0
        killed = hoster.run("rollback", crash_at=number)
        if killed.code != KILLED:
            assert (killed.code, hoster.serves()) == (0, "mail/1")
            assert number > 15
            return
        hoster.expect_old_or_new()
        hoster.expect_healed_by("recover")
    pytest.fail("the rollback passes too many points")


def test_a_recovery_killed_anywhere(hoster: Hoster) -> None:
    for number in range(1, MOST):
        # Late, so that all of it has to be put back; the proof of the new state was not given.
        assert hoster.run("install", "mail/2", crash_at=21).code == KILLED
        recovering = hoster.run("recover", crash_at=number)
        hoster.expect_old_or_new()
        if recovering.code != KILLED:
            assert (recovering.code, hoster.serves()) == (0, "mail/1")
            assert number > 5
            return
        hoster.expect_healed_by("recover")
    pytest.fail("the recovery passes too many points")


def test_an_import_killed_anywhere(hoster: Hoster, tmp_path: Path) -> None:
    assert hoster.run("bundles", "export", "mail/1", "-o", str(tmp_path / "out")).code == 0
    pair = [f"--{n}={tmp_path}/out/{n}-ecdsa.pem" for n in ("chain", "key")]
    for number in range(1, MOST):
        ended = hoster.run("bundles", "import", "spare", *pair, crash_at=number)
        if ended.code != KILLED:
            assert ended.document["bundle"] == "spare/1"
            return
        assert hoster.run("bundles", "list").code == 0
    pytest.fail("the import passes too many points")
