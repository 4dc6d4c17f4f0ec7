"""How many connections a look takes: what is promised beforehand, and held."""

from collections.abc import Mapping
from dataclasses import dataclass

from certcheck.probe.observe import Depth


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Connections to one open port of one address: at least, and at most.

    A server that refuses by hanging up is asked each thing several times, since a bad line looks
    the same; one that knows many versions and suites is asked more. A scan that meets a bad line
    is done a second time, which no budget covers.
    """

    least: int
    most: int


# Held by the tests on Dovecot and Postfix as they come (119 and 129 at depth standard, 568 and 284
# at full), and on a Dovecot that takes all that it can and refuses by hanging up (1058 at full).
# A server that says odd things to many suites is asked for each of them, at standard, too.
BUDGETS: Mapping[Depth, Budget] = {
    "keys": Budget(least=2, most=10),
    "certificates": Budget(least=4, most=14),
    "quick": Budget(least=7, most=23),
    "hellos": Budget(least=30, most=300),
    "standard": Budget(least=60, most=1000),
    "full": Budget(least=80, most=1400),
}
