"""A host whose clock is two days off is told so, before anything is ordered or changed."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from certcheck.lab import Lab
from tests.conftest import Certcheck
from tests.live.control import control
from tests.live.hosting import files
from tests.live.pebbles import PebbleMaker, new_pebble

__all__ = ["new_pebble"]  # a fixture


def at(offset: str) -> Mapping[str, str]:
    """The environment that faketime(1) makes."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    return {"LD_PRELOAD": str(library), "FAKETIME": offset}


@pytest.mark.parametrize(("offset", "way"), [("+2d", "ahead of"), ("-2d", "behind")])
def test_no_order_is_made_by_a_clock_that_is_off(
    new_pebble: PebbleMaker, certcheck: Certcheck, tmp_path: Path, offset: str, way: str
) -> None:
    host = control(tmp_path / "host", new_pebble(), certcheck)

    run = host.run("issue", env=at(offset))

    assert run.code == 3
    assert f"this host's clock is 2 days 0 h {way} the certificate authority's" in run.complaint
    assert "(its Date header says 20" in run.complaint
    assert "timedatectl" in run.complaint
    assert host.ca.orders == 0


def test_a_small_difference_is_none(
    new_pebble: PebbleMaker, certcheck: Certcheck, tmp_path: Path
) -> None:
    host = control(tmp_path / "host", new_pebble(), certcheck)

    run = host.run("issue", env=at("+4m"))

    assert "clock" not in run.complaint
    assert host.ca.orders == 1


def test_a_certificate_of_the_future_points_at_the_clock(issued: Lab, certcheck: Certcheck) -> None:
    before = files(issued)

    run = certcheck("install", "-c", issued.config, env=at("-2d"))

    assert run.code == 3
    assert "is valid only from" in run.complaint
    assert "look at this host's clock (timedatectl)" in run.complaint
    assert files(issued) == before
