"""What must hold of the pairs."""

from collections.abc import Sequence

from tests.clients.pairs import Pair

_MOST_WRONG = 0.05


def assert_that_it_holds(found: Sequence[Pair]) -> None:
    """At least 95 % agree, and nobody is promised a connection that he does not get."""
    wrong = [each for each in found if not each.agreed]
    assert len(wrong) <= len(found) * _MOST_WRONG, wrong
    assert [each for each in wrong if each.predicted == "connects"] == []
