"""`verify --retired ADDR`: the old host must no longer take mail or logins."""

from collections.abc import Sequence
from dataclasses import replace

from certcheck.judge.aftermath import still_serving
from certcheck.judge.changes import Terms, others
from certcheck.model.change import Change
from certcheck.model.endpoint import Endpoint, Hostname
from certcheck.model.run import Run
from certcheck.targets import Redirect
from certcheck.workflow.asking import Asking, Step, look
from certcheck.workflow.awaited import awaited


def still_there(
    blank: Run,
    endpoints: Sequence[Endpoint],
    asking: Asking,
    addresses: Sequence[Hostname],
    terms: Terms,
) -> tuple[Change, ...]:
    """A change for each port of the endpoints that one of the retired addresses still serves."""
    hosts = tuple(dict.fromkeys(e.host for e in endpoints))
    return tuple(
        change
        for address in addresses
        for observation in awaited(
            look(
                _each_port_once(endpoints),
                replace(asking, redirects=_to(address, hosts), family="any"),
                depth="certificates",
                at=blank.started,
                seen=_unheard,
            )
        )
        for change in others(observation, still_serving(observation), terms)
    )


def _each_port_once(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    return list({(e.scheme, e.port): e for e in endpoints}.values())


def _to(address: Hostname, hosts: Sequence[Hostname]) -> tuple[Redirect, ...]:
    return tuple(
        Redirect(host=host, port=None, address=address.ascii, to_port=None) for host in hosts
    )


def _unheard(_: Step) -> None:
    """A few handshakes, or none: nothing to tell of."""
