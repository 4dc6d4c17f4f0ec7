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


# Held by the tests on modern Dovecot (507) and Postfix (213); `most` leaves room for a server that
# takes TLS 1.0 to 1.3 with all suites and refuses by hanging up, of which a test server took 880.
BUDGETS: Mapping[Depth, Budget] = {
    "certificates": Budget(least=4, most=14),
    "quick": Budget(least=7, most=23),
    "standard": Budget(least=60, most=1000),
}
