"""SIGTERM and Ctrl-C in the middle of an order: tidy, and one line says what is kept."""

import signal
import subprocess
import time

import pytest

from certcheck.store import bundles
from tests.conftest import COMMAND
from tests.live.pebbles import web_server
from tests.live.proxied import Site, new_pebble, site
from tests.zoo.ca_proxy import Fault

__all__ = ["new_pebble", "site"]  # fixtures

KEPT = "the order for mail is kept: certcheck issue goes on with it"
NOTHING = "nothing is left half done"
HANGING = 60.0


def interrupted(site: Site, path: str, number: signal.Signals) -> tuple[int, str]:
    """How `issue` ends, and what it says, when a signal comes while a request to `path` hangs."""
    site.proxy.faults.append(Fault(path=path, kind="delay", seconds=HANGING))
    with web_server(site.host.ca.http01_port, site.host.webroot):
        run = subprocess.Popen(
            [*COMMAND, "issue", "-c", str(site.host.config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 30
        while site.proxy.faults:
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        run.send_signal(number)
        _, said = run.communicate(timeout=30)
    return run.returncode, said.splitlines()[-1]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/sign-me-up", NOTHING),
        ("/order-plz", NOTHING),
        ("/authZ/", KEPT),
        ("/chalZ/", KEPT),
        ("/finalize-order/", KEPT),
        ("/certZ/", KEPT),
    ],
)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_nothing_presented_and_says_what_is_kept(
    site: Site, path: str, kept: str, number: signal.Signals, code: int
) -> None:
    ended, last = interrupted(site, path, number)

    assert ended == code
    assert last == f"certcheck: interrupted by a signal ({kept})"
    assert list(site.host.webroot.iterdir()) == []
    again = site.issue()
    assert again.code == 0, again.stderr
    assert bundles.numbers(site.host.state, "mail") == (1,)
    assert site.host.ca.orders == 1
