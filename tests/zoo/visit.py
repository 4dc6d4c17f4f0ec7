"""A door to a server of the zoo, for the tests of the probe."""

from collections.abc import Iterator
from contextlib import contextmanager

from certcheck.model.endpoint import Endpoint, Hostname, Scheme
from certcheck.probe.limits import Gate, Limits
from certcheck.probe.look import Door
from tests.zoo.keeper import Behaviour, Place, kept

NAME = Hostname(ascii="mail.example.test", unicode="mail.example.test")
LIMITS = Limits(timeout=2.0, back_off=0.1, scan_timeout=30.0)


def at(place: Place, scheme: Scheme, host: Hostname = NAME) -> Endpoint:
    return Endpoint(scheme=scheme, host=host, port=place.port)


@contextmanager
def door_to(
    scheme: Scheme, behaviour: Behaviour, *, limits: Limits = LIMITS, address: str = "127.0.0.1"
) -> Iterator[Door]:
    with kept(behaviour, address) as place:
        yield Door(endpoint=at(place, scheme), address=address, gate=Gate(limits), limits=limits)
