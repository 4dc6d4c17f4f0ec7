"""Heavy programs, of other libraries and years, do what was predicted of them."""

from pathlib import Path

import pytest

from tests.clients import pairs, parts
from tests.clients.holding import assert_that_it_holds

pytestmark = [pytest.mark.live, pytest.mark.clients]


@pytest.mark.timeout(900)
def test_heavy_programs_do_what_is_predicted_and_what_the_table_says(tmp_path: Path) -> None:
    found = parts.heavy(tmp_path)

    assert_that_it_holds(found)
    assert found == pairs.read(pairs.HEAVY), "run python -m tests.clients heavy, then make docs"
