"""MX, SRV and CNAME records as values."""

import time

import dns.flags
import dns.rcode
import pytest

from certcheck.dns import Resolver, cname, mx, ptr, spf, srv
from certcheck.model.record import Mx, Srv
from certcheck.names import hostname
from tests.name_server import Behaviour, Question, ServerMaker, answer, kind, running, server

__all__ = ["server"]  # a fixture

DOMAIN = hostname("example.test")
OWNER = "_imaps._tcp.example.test"


def saying(*records: str) -> Behaviour:
    return lambda question: answer(question, *records, flags=dns.flags.AD)


def test_mx_records_come_in_the_order_of_preference(server: ServerMaker) -> None:
    two = saying("example.test. MX 20 b.example.test.", "example.test. MX 5 c.example.test.")

    (got,) = mx([DOMAIN], resolver=server(two))

    assert (got.status, got.secure) == ("found", True)
    assert [(each.preference, each.exchange) for each in got.records] == [
        (5, "c.example.test"),
        (20, "b.example.test"),
    ]


def test_a_null_mx_is_a_record_and_not_none(server: ServerMaker) -> None:
    (got,) = mx([DOMAIN], resolver=server(saying("example.test. MX 0 .")))

    assert got.records == (Mx(preference=0, exchange="."),)
    assert got.records[0].is_null


def test_an_mx_of_an_alias_is_that_of_its_target(server: ServerMaker) -> None:
    chain = saying("example.test. CNAME example.org.", "example.org. MX 1 mx.example.org.")

    (got,) = mx([DOMAIN], resolver=server(chain))

    assert [each.exchange for each in got.records] == ["mx.example.org"]


def test_srv_records_come_by_priority_the_heaviest_first(server: ServerMaker) -> None:
    lines = ("20 9 993 d", "10 1 993 c", "10 5 993 b", "10 5 143 b", "10 5 993 a")
    five = saying(*(f"{OWNER}. SRV {line}.example.test." for line in lines))

    (got,) = srv([OWNER], resolver=server(five))

    order = [(each.priority, each.weight, each.target[0], each.port) for each in got.records]
    assert order == [
        (10, 5, "a", 993),
        (10, 5, "b", 143),
        (10, 5, "b", 993),
        (10, 1, "c", 993),
        (20, 9, "d", 993),
    ]


def test_a_service_that_is_not_offered_is_a_record_and_not_none(server: ServerMaker) -> None:
    (got,) = srv([OWNER], resolver=server(saying(f"{OWNER}. SRV 0 0 0 .")))

    assert got.records == (Srv(priority=0, weight=0, port=0, target="."),)
    assert got.records[0].is_null


def test_an_alias_is_told_with_its_target(server: ServerMaker) -> None:
    (got,) = cname([DOMAIN], resolver=server(saying("example.test. CNAME host.example.org.")))

    assert got.records == ("host.example.org",)


def test_a_name_of_any_bytes_stays_text_that_is_no_host_name(server: ServerMaker) -> None:
    (got,) = mx([DOMAIN], resolver=server(saying(r"example.test. MX 1 \027[31m\255.test.")))

    assert [each.exchange for each in got.records] == [r"\027[31m\255.test"]


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.NOERROR])
def test_no_name_and_no_record_are_none(server: ServerMaker, rcode: dns.rcode.Rcode) -> None:
    resolver = server(lambda question: answer(question, rcode=rcode))

    statuses = {
        mx([DOMAIN], resolver=resolver)[0].status,
        srv([OWNER], resolver=resolver)[0].status,
        cname([DOMAIN], resolver=resolver)[0].status,
    }

    assert statuses == {"none"}


def test_servfail_and_silence_are_failed(server: ServerMaker) -> None:
    broken = server(lambda question: answer(question, rcode=dns.rcode.SERVFAIL))
    silent = Resolver(address="192.0.2.1", timeout=0.1)

    assert mx([DOMAIN], resolver=broken)[0].detail == "example.test MX: SERVFAIL"
    assert srv([OWNER], resolver=broken)[0].status == "failed"
    assert mx([DOMAIN], resolver=silent)[0].status == "failed"


def test_servfail_that_answers_unchecked_is_bogus(server: ServerMaker) -> None:
    def broken_signature(question: Question) -> bytes:
        if question.flags & dns.flags.CD:
            return answer(question, "example.test. MX 1 mx.example.test.")
        return answer(question, rcode=dns.rcode.SERVFAIL)

    (got,) = mx([DOMAIN], resolver=server(broken_signature))

    assert (got.status, got.records) == ("bogus", ())


def test_what_comes_is_only_of_the_kind_that_was_asked_for(server: ServerMaker) -> None:
    seen: list[str] = []

    def note(question: Question) -> bytes:
        seen.append(kind(question))
        return answer(question, "example.test. A 192.0.2.1")

    resolver = server(note)
    statuses = [
        mx([DOMAIN], resolver=resolver)[0].status,
        srv([OWNER], resolver=resolver)[0].status,
        cname([DOMAIN], resolver=resolver)[0].status,
    ]

    assert seen == ["MX", "SRV", "CNAME"]
    assert statuses == ["none"] * 3


def test_a_dead_resolver_is_given_up_after_two_time_outs_for_a_thousand_domains() -> None:
    domains = [hostname(f"d{number}.example.test") for number in range(1000)]

    with running(lambda _: None, timeout=0.5) as resolver:
        begun = time.monotonic()
        got = mx(domains, resolver=resolver)

    assert {each.status for each in got} == {"failed"}
    assert time.monotonic() - begun < 60  # and not a thousand time-outs


def test_a_ptr_record_is_asked_for_at_the_reversed_address(server: ServerMaker) -> None:
    asked: list[str] = []

    def behave(question: Question) -> bytes:
        name = question.question[0].name.to_text()
        asked.append(name)
        return answer(question, f"{name} PTR Mail.Example.Test.", flags=dns.flags.AD)

    got = ptr(["192.0.2.7", "2001:db8::7"], resolver=server(behave))

    assert [each.records for each in got] == [("mail.example.test.",)] * 2
    # Both are asked at the same time.
    ipv4, ipv6 = sorted(asked, key=len)
    assert ipv4 == "7.2.0.192.in-addr.arpa."
    assert ipv6.endswith("8.b.d.0.1.0.0.2.ip6.arpa.")


def test_only_txt_records_that_begin_as_spf_are_spf(server: ServerMaker) -> None:
    three = saying(
        'example.test. TXT "v=spf1 mx" " -all"',
        'example.test. TXT "v=spf10 nonsense"',
        'example.test. TXT "google-site-verification=x"',
    )

    (got,) = spf([DOMAIN], resolver=server(three))

    assert got.records == ("v=spf1 mx -all",)


def test_other_txt_records_alone_are_no_spf(server: ServerMaker) -> None:
    (got,) = spf([DOMAIN], resolver=server(saying('example.test. TXT "hello"')))

    assert (got.status, got.records) == ("none", ())
