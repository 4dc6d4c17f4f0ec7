"""The real mail hosts that every test in this directory works on."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from certcheck.lab import Lab, LabOptions, up
from tests.conftest import Certcheck

HERE = Path(__file__).parent
USUAL = LabOptions()


class LabMaker(Protocol):
    """What the fixture `new_lab` is."""

    def __call__(self, options: LabOptions = USUAL, *, directory: Path | None = None) -> Lab:
        """A running lab; without a directory it gets one of pytest's."""
        ...


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests below this directory, and no others, as live."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for the whole session; a test that changes what it serves takes `fresh_lab`."""
    with up(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def new_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabMaker]:
    """A function that ups a lab of one's own, `new_lab(LabOptions(...))`; down after the test."""
    with ExitStack() as labs:

        def make(options: LabOptions = USUAL, *, directory: Path | None = None) -> Lab:
            where = directory or tmp_path_factory.mktemp("lab")
            return labs.enter_context(up(where, options=options))

        yield make


@pytest.fixture
def fresh_lab(new_lab: LabMaker) -> Lab:
    """A lab of one's own, to change at will."""
    return new_lab()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for the tests of a module, which all leave it serving what it served."""
    with up(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def issued(shared: Lab, certcheck: Certcheck) -> Lab:
    """The lab with a new generation in its store that no server has yet."""
    assert certcheck("issue", "-c", shared.config).code == 0
    return shared
