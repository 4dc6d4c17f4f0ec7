"""Fifty certificates from an authority that rejects nonces, and one from an authority that naps."""

from pathlib import Path

import pytest

from tests.live.pebbles import NAMES, PebbleMaker, new_pebble, order

__all__ = ["new_pebble"]  # a fixture

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(500)]


def test_fifty_of_fifty_orders_survive_rejected_nonces(
    new_pebble: PebbleMaker, tmp_path: Path
) -> None:
    ca = new_pebble(PEBBLE_WFE_NONCEREJECT="30")

    got = {order(ca, tmp_path, names=NAMES[:1]).chain[0].sha256 for _ in range(50)}

    assert len(got) == 50


def test_an_authority_that_sleeps_before_it_validates_is_waited_for(
    new_pebble: PebbleMaker, tmp_path: Path
) -> None:
    ca = new_pebble(PEBBLE_VA_NOSLEEP="0", PEBBLE_VA_SLEEPTIME="15")

    assert order(ca, tmp_path, deadline=300).chain
