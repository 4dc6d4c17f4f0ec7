"""What an observation shows of the certificates behind an endpoint, without repetition."""

import functools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from certcheck import x509
from certcheck.judge.fault import Fault
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Hostname
from certcheck.model.observation import Deployment, Observation
from certcheck.names import covers
from certcheck.targets import endpoint

RSA_BITS = 2048  # the least that is still sound (CA/Browser Forum Baseline Requirements 6.1.5)


def host(observation: Observation) -> Hostname:
    """The host that the endpoint names, which mail programs compare with the certificate."""
    return endpoint(observation.endpoint).host


def for_customers(observation: Observation) -> tuple[Deployment, ...]:
    """What a mail program gets that sends SNI; for an IP address there is no SNI to send."""
    named = host(observation).server_name is not None
    return tuple(
        each for each in observation.certificates if (each.server_name is not None) == named
    )


def weighed(observation: Observation, deployment: Deployment, fault: Fault) -> Fault:
    """The fault as it is; a note when only programs that send no SNI get that certificate."""
    if deployment.server_name is not None or host(observation).is_ip:
        return fault
    only = "Served only to programs that send no SNI (from before about 2015). "
    return replace(fault, severity="note", message=only + fault.message)


def certificates(observation: Observation) -> Iterator[tuple[Deployment, Certificate, int]]:
    """Every certificate once, with its place in the chain: 0 is a server's own."""
    seen = set()
    for deployment in observation.certificates:
        for place, each in enumerate(deployment.chain):
            if each.sha256 not in seen:
                seen.add(each.sha256)
                yield deployment, each, place


def covered(leaf: Certificate, name: str) -> bool:
    """Whether the certificate names `name` where programs look: in its subjectAltName."""
    return any(covers(pattern, name) for pattern in leaf.names)


@functools.lru_cache(maxsize=1024)
def issued_by(child: Certificate, parent: Certificate) -> bool:
    """Whether `parent` signed `child`; certificates without their bytes are told by their names."""
    if child.der and parent.der:
        return x509.issued_by(child.der, parent.der)
    return child.issuer == parent.subject


def issuer(chain: tuple[Certificate, ...]) -> Certificate | None:
    """The certificate among those served that issued the first one."""
    return next((each for each in chain[1:] if issued_by(chain[0], each)), None)


def shown(moment: datetime) -> str:
    """A time as an admin reads it: `2026-11-25 12:00 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
