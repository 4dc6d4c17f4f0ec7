"""Real programs connect to real servers, and do what was predicted of them."""

from pathlib import Path

import pytest

from tests.clients import pairs, parts
from tests.clients.holding import assert_that_it_holds
from tests.clients.shapes import SHAPES

pytestmark = pytest.mark.live


@pytest.mark.timeout(600)
def test_light_programs_do_what_is_predicted_and_what_the_table_says(tmp_path: Path) -> None:
    found = parts.light(tmp_path)

    assert len(SHAPES) >= 12
    assert_that_it_holds(found)
    assert found == pairs.read(pairs.LIGHT), "run python -m tests.clients light, then make docs"
