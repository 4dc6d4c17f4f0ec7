"""Two generations of a mail host, for every test in this directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from certcheck.lab import generations
from certcheck.lab.generations import Generations
from certcheck.lab.generations.trees import Trees, ready

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests below this directory, and no others, as those of the generations."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.generations)


@pytest.fixture(scope="session")
def trees() -> Trees:
    """The systems of both releases, built when they are missing."""
    return ready()


@pytest.fixture(scope="module")
def lab(trees: Trees, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generations]:
    """One lab for a module; a test that moves the address moves it back."""
    assert trees.old != trees.new
    with generations.up(tmp_path_factory.mktemp("generations")) as running:
        yield running
