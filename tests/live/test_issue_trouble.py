"""A certificate authority in trouble, between a real Pebble and us: waited for, or told at once."""

import json
import re
import stat
from datetime import UTC, datetime, timedelta

import pytest

from certcheck.store import bundles, orders
from tests.live.control import NAMES
from tests.live.proxied import Site, new_pebble, site
from tests.zoo.ca_proxy import Fault

__all__ = ["new_pebble", "site"]  # fixtures

LIMITED = json.dumps(
    {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many", "status": 429}
).encode()


def soon() -> tuple[datetime, datetime]:
    """In an hour, and when that is full."""
    hour = timedelta(hours=1)
    return datetime.now(UTC) + hour, datetime.now(UTC) + hour + timedelta(minutes=1)


def limited(path: str, seconds: int) -> Fault:
    return Fault(
        path=path,
        kind="answer",
        status=429,
        body=LIMITED,
        headers={"Retry-After": str(seconds), "Content-Type": "application/problem+json"},
        times=99,
    )


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path="/dir", kind="answer", status=503, times=2),
        Fault(path="/nonce-plz", kind="cut_answer"),
        Fault(path="/sign-me-up", kind="cut_answer"),
        Fault(path="/order-plz", kind="answer", status=500, times=3),
        Fault(path="/order-plz", kind="cut_request", times=2),
        Fault(path="/authZ/", kind="cut_answer", times=2),
        Fault(path="/chalZ/", kind="cut_request"),
        Fault(path="/chalZ/", kind="cut_answer"),
        Fault(path="/finalize-order/", kind="cut_request"),
        Fault(path="/finalize-order/", kind="cut_answer"),
        Fault(path="/finalize-order/", kind="answer", status=502),
        Fault(path="/certZ/", kind="cut_answer", times=3),
        Fault(path="/certZ/", kind="delay", seconds=1.5),
        Fault(
            path="/order-plz", kind="answer", status=429, body=LIMITED, headers={"Retry-After": "1"}
        ),
    ],
    ids=lambda fault: f"{fault.path.strip('/')}-{fault.kind}-{fault.status}",
)
def test_trouble_that_passes_is_waited_for(site: Site, fault: Fault) -> None:
    site.proxy.faults.append(fault)

    run = site.issue()

    assert run.code == 0, run.stderr
    assert site.proxy.faults == []
    assert site.host.ca.finalized == 1
    assert bundles.numbers(site.host.state, "mail") == (1,)
    if fault.kind != "delay":
        assert "the certificate authority is in trouble, asking again in" in run.stderr


def test_trouble_that_stays_is_one_line(site: Site) -> None:
    site.proxy.faults.append(Fault(path="/order-plz", kind="answer", status=500, times=99))

    run = site.issue()

    assert run.code == 3
    assert re.search(r"answers HTTP 500 at https://\S+/order-plz \(asked 4 times\)", run.complaint)
    assert site.proxy.times_asked("/order-plz") == 4
    assert orders.unfinished(site.host.state) == []


@pytest.mark.parametrize("after", ["issue", "recover"])
def test_an_authority_that_stays_away_after_finalize_is_gone_on_with(
    site: Site, after: str
) -> None:
    site.proxy.faults.append(Fault(path="/my-order/", kind="cut_answer", times=99))
    site.proxy.faults.append(Fault(path="/certZ/", kind="cut_answer", times=99))
    away = site.issue()
    (kept,) = orders.unfinished(site.host.state)
    site.proxy.faults.clear()

    again = site.issue() if after == "issue" else site.host.run("recover")

    assert away.code == 3
    assert "the order for mail is kept: certcheck issue goes on with it" in away.complaint
    assert again.code == 0, again.stderr
    assert site.host.ca.orders == 1
    (pair,) = bundles.load(site.host.state, "mail").pairs
    assert pair.order_url == kept.url


@pytest.mark.parametrize("path", ["/order-plz", "/finalize-order/"])
def test_a_limit_is_remembered_for_its_names(site: Site, path: str) -> None:
    site.proxy.faults.append(limited(path, 3600))
    site.issue()
    asked = len(site.proxy.asked)

    held = site.issue()

    assert held.code == 3
    assert len(site.proxy.asked) == asked
    assert f"{site.proxy.directory} asked not to order {', '.join(NAMES)} before" in held.complaint
    assert any(f" before {hour:%F %H:}" in held.complaint for hour in soon())
    assert stat.S_IMODE(site.limits.stat().st_mode) == 0o600
    site.proxy.faults.clear()
    assert site.issue_other().code == 0


def test_a_limit_on_accounts_holds_everything_back(site: Site) -> None:
    site.proxy.faults.append(limited("/sign-me-up", 3600))
    site.issue()
    asked = len(site.proxy.asked)

    held = site.issue_other()

    assert held.code == 3
    assert "asked not to be asked at all before" in held.complaint
    assert len(site.proxy.asked) == asked


def test_a_limit_that_is_over_is_forgotten(site: Site) -> None:
    site.proxy.faults.append(limited("/order-plz", 3600))
    site.issue()
    (kept,) = json.loads(site.limits.read_text())
    kept["until"] = f"{datetime.now(UTC) - timedelta(seconds=1):%FT%TZ}"
    site.limits.write_text(json.dumps([kept]))
    site.proxy.faults.clear()

    assert site.issue().code == 0


@pytest.mark.parametrize("text", ["", "nonsense", '[{"until": 5}]', "[[[]]]"])
def test_a_broken_file_of_limits_holds_nothing_back(site: Site, text: str) -> None:
    site.proxy.faults.append(limited("/order-plz", 3600))
    site.issue()
    site.limits.write_text(text)
    site.proxy.faults.clear()

    assert site.issue().code == 0
