"""What DNS says against an order, before it is spent."""

from collections.abc import Sequence
from typing import Any

import dns.rcode
import pytest

from certcheck.dns import Resolver
from certcheck.errors import Obstacle
from certcheck.names import hostname
from certcheck.workflow.preflight import preflight
from tests.name_server import Behaviour, Question, ServerMaker, answer, kind, server

__all__ = ["server"]  # a fixture

MAIL = "mail.example.test"


def dns_with(*addresses: str, caa: Sequence[str] = ()) -> Behaviour:
    """A server with these addresses for every name, and these records at example.test."""

    def behave(question: Question) -> bytes:
        name, asked = str(question.question[0].name), kind(question)
        if asked == "CAA":
            found = caa if name == "example.test." else ()
            return answer(question, *(f"{name} CAA {each}" for each in found))
        fitting = (a for a in addresses if (":" in a) == (asked == "AAAA"))
        return answer(question, *(f"{name} {asked} {each}" for each in fitting))

    return behave


def flown(resolver: Resolver, *names: str, **more: Any) -> list[str]:
    """What is said before an order for these names."""
    said: list[str] = []
    usual: dict[str, Any] = {
        "kind": "http-01",
        "caa_identities": ["ca.example"],
        "account_uri": "https://ca.example/acct/1",
        "own_listener": False,
    }
    preflight(
        [hostname(name, wildcard=True) for name in names or (MAIL,)],
        resolver=resolver,
        say=said.append,
        **(usual | more),
    )
    return said


def test_nothing_is_said_where_nothing_speaks_against_the_order(server: ServerMaker) -> None:
    resolver = server(dns_with("127.0.0.1", caa=['0 issue "ca.example"']))

    assert flown(resolver, own_listener=True) == []


def test_caa_that_forbids_stops_the_order(server: ServerMaker) -> None:
    resolver = server(dns_with(caa=['0 issue "other.example"']))

    with pytest.raises(Obstacle, match=r"^CAA of example\.test allows only other\.exa") as stopped:
        flown(resolver)

    assert stopped.value.exit_code == 3
    assert "CAA" in stopped.value.hint


def test_one_set_of_records_is_told_once_however_many_names_it_forbids(
    server: ServerMaker,
) -> None:
    resolver = server(dns_with(caa=['0 issue ";"']))

    with pytest.raises(Obstacle) as stopped:
        flown(resolver, MAIL, "imap.example.test")

    assert stopped.value.message == "CAA of example.test allows nobody"


def test_a_wildcard_may_be_forbidden_alone(server: ServerMaker) -> None:
    resolver = server(dns_with(caa=['0 issue "ca.example"', '0 issuewild ";"']))

    assert flown(resolver) == []
    with pytest.raises(Obstacle, match="for wildcards nobody"):
        flown(resolver, MAIL, "*.example.test", kind="dns-01")


def test_an_authority_that_does_not_name_itself_is_not_held_to_caa(server: ServerMaker) -> None:
    resolver = server(dns_with(caa=['0 issue ";"']))

    assert flown(resolver, caa_identities=()) == []


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_what_cannot_be_looked_up_is_a_warning(server: ServerMaker, rcode: dns.rcode.Rcode) -> None:
    resolver = server(lambda q: answer(q, rcode=rcode))

    caa, address = flown(resolver, own_listener=True)

    assert caa.startswith(f"warning: CAA is unknown: {MAIL} CAA: ")
    assert address.startswith(f"warning: {MAIL} A: ")


def test_a_name_that_does_not_exist_is_a_warning(server: ServerMaker) -> None:
    resolver = server(lambda q: answer(q, rcode=dns.rcode.NXDOMAIN))

    (warning,) = flown(resolver, own_listener=True)

    assert warning.startswith("warning: mail.example.test A: the name does not exist")


def test_http_01_at_another_host_stops_the_order(server: ServerMaker) -> None:
    resolver = server(dns_with("192.0.2.7", "2001:db8::7"))

    with pytest.raises(Obstacle) as stopped:
        flown(resolver, own_listener=True)

    there = "192.0.2.7, 2001:db8::7"
    assert stopped.value.message == f"{MAIL} resolves to {there}, this host is not {there}"
    assert "--webroot" in stopped.value.hint
    assert "--dns-hook" in stopped.value.hint


def test_who_does_not_listen_itself_may_be_elsewhere(server: ServerMaker) -> None:
    assert flown(server(dns_with("192.0.2.7"))) == []


def test_every_name_that_is_elsewhere_is_told(server: ServerMaker) -> None:
    resolver = server(dns_with("192.0.2.7"))

    with pytest.raises(Obstacle) as stopped:
        flown(resolver, *(f"h{number}.example.test" for number in range(12)), own_listener=True)

    assert stopped.value.message.count("resolves to") == 10
    assert stopped.value.message.endswith(" and 2 more")


@pytest.mark.parametrize("own", ["127.0.0.1", "127.9.9.9", "::1"])
def test_an_address_of_this_host_is_enough(server: ServerMaker, own: str) -> None:
    assert flown(server(dns_with(own)), own_listener=True) == []


def test_a_second_address_elsewhere_is_a_warning(server: ServerMaker) -> None:
    (warning,) = flown(server(dns_with("127.0.0.1", "2001:db8::7")), own_listener=True)

    assert warning == f"warning: {MAIL} resolves to 2001:db8::7, this host is not 2001:db8::7"
