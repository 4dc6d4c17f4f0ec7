import time

import dns.rcode
import pytest

from certcheck.dns import CaaSet, caa
from certcheck.model.record import Caa
from certcheck.names import hostname
from tests.name_server import Behaviour, Question, ServerMaker, answer, server

__all__ = ["server"]  # a fixture

ISSUE = Caa(flags=0, tag="issue", value="ca.example")


def holding(*domains: str, rcode: dns.rcode.Rcode = dns.rcode.NXDOMAIN) -> Behaviour:
    """A server that has one CAA record at each of these domains."""

    def behave(question: Question) -> bytes:
        name = str(question.question[0].name)
        if name.removesuffix(".") in domains:
            return answer(question, f'{name} CAA 0 issue "ca.example"')
        return answer(question, rcode=rcode)

    return behave


def looked_up(name: str, behave: Behaviour, server: ServerMaker) -> CaaSet:
    (found,) = caa([hostname(name, wildcard=True)], resolver=server(behave))
    return found


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.NOERROR])
@pytest.mark.parametrize(
    ("domains", "relevant"),
    [
        (["a.b.example.org"], "a.b.example.org"),
        (["b.example.org", "example.org"], "b.example.org"),
        (["org"], "org"),
    ],
)
def test_the_nearest_domain_with_records_counts(
    server: ServerMaker, domains: list[str], relevant: str, rcode: dns.rcode.Rcode
) -> None:
    found = looked_up("a.b.example.org", holding(*domains, rcode=rcode), server)

    assert (found.domain, found.answer.records) == (relevant, (ISSUE,))


def test_up_to_the_root_there_may_be_none(server: ServerMaker) -> None:
    found = looked_up("a.example.org", holding(), server)

    assert (found.domain, found.answer.status) == ("a.example.org", "none")


def test_a_wildcard_is_asked_for_without_its_star(server: ServerMaker) -> None:
    assert looked_up("*.example.org", holding("example.org"), server).domain == "example.org"


def test_an_address_has_none(server: ServerMaker) -> None:
    assert looked_up("192.0.2.1", holding("1", "2.1"), server).answer.status == "none"


def test_a_failure_below_ends_the_climb(server: ServerMaker) -> None:
    def broken(question: Question) -> bytes | None:
        if str(question.question[0].name) == "a.example.org.":
            return answer(question, rcode=dns.rcode.SERVFAIL)
        return holding("example.org")(question)

    found = looked_up("a.example.org", broken, server)

    assert (found.domain, found.answer.status) == ("a.example.org", "failed")


def test_a_failure_above_the_records_does_not_matter(server: ServerMaker) -> None:
    def broken(question: Question) -> bytes | None:
        if str(question.question[0].name) == "org.":
            return answer(question, rcode=dns.rcode.SERVFAIL)
        return holding("example.org")(question)

    assert looked_up("a.example.org", broken, server).domain == "example.org"


def test_a_tag_comes_in_lower_case_and_flags_stay(server: ServerMaker) -> None:
    def loud(question: Question) -> bytes:
        return answer(question, f'{question.question[0].name} CAA 128 IsSue "CA.example; a=b"')

    (record,) = looked_up("example.org", loud, server).answer.records

    assert record == Caa(flags=128, tag="issue", value="CA.example; a=b")
    assert record.critical


def test_each_domain_is_asked_for_once_and_a_dead_resolver_costs_two_time_outs(
    server: ServerMaker,
) -> None:
    asked: list[str] = []

    def silent(question: Question) -> None:
        asked.append(str(question.question[0].name))

    names = [hostname(f"h{number}.example.org") for number in range(40)]
    begun = time.monotonic()

    found = caa(names, resolver=server(silent))

    assert {each.answer.status for each in found} == {"failed"}
    assert time.monotonic() - begun < 4
    assert asked.count("example.org.") <= 2  # a packet may be lost
