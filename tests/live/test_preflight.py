"""CAA records of a signed zone, as they stop an order before it is spent."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from certcheck.dns import Resolver
from certcheck.errors import Obstacle
from certcheck.lab import Lab, publish
from certcheck.names import hostname
from certcheck.targets import split_port
from certcheck.workflow.preflight import preflight


@pytest.fixture
def zone(shared: Lab) -> Iterator[Lab]:
    yield shared
    publish(shared, "")


def flown(lab: Lab, name: str) -> list[str]:
    address, port = split_port(lab.resolver, where="lab")
    said: list[str] = []
    preflight(
        [hostname(name, wildcard=True)],
        kind="http-01",
        caa_identities=["ca.example"],
        account_uri=None,
        resolver=Resolver(address=address, port=port or 53),
        say=said.append,
        own_listener=True,
    )
    return said


def test_a_zone_without_caa_lets_everybody_issue(zone: Lab) -> None:
    assert flown(zone, "mail.example.test") == []


def test_caa_at_the_apex_forbids_below(zone: Lab) -> None:
    publish(zone, '@ 60 IN CAA 0 issue "other.example"')

    with pytest.raises(Obstacle, match=r"CAA of example\.test allows only other\.example"):
        flown(zone, "mail.example.test")


def test_caa_at_the_name_beats_the_apex(zone: Lab) -> None:
    publish(zone, '@ 60 IN CAA 0 issue ";"\nmail 60 IN CAA 0 issue "ca.example"')

    assert flown(zone, "mail.example.test") == []


def test_a_bogus_record_is_a_warning(zone: Lab) -> None:
    publish(zone, 'mail 60 IN CAA 0 issue "other.example"', unsigned=["mail"])

    caa, _ = flown(zone, "mail.example.test")

    assert caa.startswith("warning: CAA is unknown: mail.example.test CAA: DNSSEC: SERVFAIL")


@pytest.mark.parametrize(("own", "outcome"), [("10.0.0.5", "warning"), ("11.0.0.5", "Obstacle")])
def test_behind_nat_another_public_address_is_a_warning(own: str, outcome: str) -> None:
    script = """
from certcheck.errors import Obstacle
from tests.workflow.test_preflight import dns_with, flown
from tests.name_server import running

with running(dns_with("8.8.8.8")) as resolver:
    try:
        (said,) = flown(resolver, own_listener=True)
        assert "behind NAT" in said
        print(said.partition(":")[0])
    except Obstacle:
        print("Obstacle")
"""
    # A network of its own, where all ways lead to nowhere from the address `own`.
    network = f'ip link set lo up; ip route add default dev lo src {own}; exec "$@"'
    network = f"ip address add {own}/32 dev lo; {network}"

    done = subprocess.run(
        ["unshare", "-n", "sh", "-ec", network, "sh", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.stdout == f"{outcome}\n", done.stderr
