import socket
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from certcheck.dns import Family, Resolver, addresses
from certcheck.errors import InputError
from certcheck.names import hostname
from tests.name_server import Behaviour, Question, ServerMaker, answer, kind, server, zone

__all__ = ["server"]  # a fixture

MAIL = hostname("mail.example.test")


def test_both_families_are_found_ipv4_first(server: ServerMaker) -> None:
    got = addresses(MAIL, resolver=server(zone()))

    assert (got.status, got.records) == ("found", ("192.0.2.7", "2001:db8::7"))
    assert not got.secure
    assert got.detail == ""


@pytest.mark.parametrize(
    ("family", "records"), [("ipv4", ("192.0.2.7",)), ("ipv6", ("2001:db8::7",))]
)
def test_one_family_alone_can_be_asked_for(
    server: ServerMaker, family: Family, records: tuple[str, ...]
) -> None:
    got = addresses(MAIL, resolver=server(zone()), family=family)

    assert got.records == records


def test_the_ad_flag_makes_an_answer_secure(server: ServerMaker) -> None:
    assert addresses(MAIL, resolver=server(zone(flags=dns.flags.AD))).secure


def test_one_insecure_part_makes_the_whole_insecure(server: ServerMaker) -> None:
    def half(question: Question) -> bytes | None:
        return zone(flags=dns.flags.AD if kind(question) == "A" else 0)(question)

    assert not addresses(MAIL, resolver=server(half)).secure


def test_an_alias_is_followed(server: ServerMaker) -> None:
    def alias(question: Question) -> bytes:
        chain = ["mail.example.test. CNAME host.example.test."]
        found = ["host.example.test. A 192.0.2.9"] if kind(question) == "A" else []
        return answer(question, *chain, *found)

    got = addresses(MAIL, resolver=server(alias))

    assert (got.status, got.records) == ("found", ("192.0.2.9",))
    assert got.detail == ""  # that there is no AAAA is no failure


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.NOERROR])
def test_no_such_name_and_no_such_record_are_none(
    server: ServerMaker, rcode: dns.rcode.Rcode
) -> None:
    got = addresses(MAIL, resolver=server(lambda q: answer(q, rcode=rcode, flags=dns.flags.AD)))

    assert (got.status, got.records, got.secure) == ("none", (), True)
    assert "mail.example.test" in got.detail


def test_servfail_that_answers_unchecked_is_bogus(server: ServerMaker) -> None:
    def broken_signature(question: Question) -> bytes | None:
        if question.flags & dns.flags.CD:
            return zone()(question)
        response = dns.message.from_wire(answer(question, rcode=dns.rcode.SERVFAIL))
        response.use_edns(
            options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "signature expired")]
        )
        return response.to_wire()

    got = addresses(MAIL, resolver=server(broken_signature))

    assert (got.status, got.records, got.secure) == ("bogus", (), False)
    assert "signature expired" in got.detail


def test_servfail_that_stays_is_failed(server: ServerMaker) -> None:
    got = addresses(MAIL, resolver=server(lambda q: answer(q, rcode=dns.rcode.SERVFAIL)))

    assert got.status == "failed"
    assert got.detail == "mail.example.test A: SERVFAIL; mail.example.test AAAA: SERVFAIL"


def test_servfail_with_silence_afterwards_is_failed(server: ServerMaker) -> None:
    def behave(question: Question) -> bytes | None:
        if question.flags & dns.flags.CD:
            return None
        return answer(question, rcode=dns.rcode.SERVFAIL)

    assert addresses(MAIL, resolver=server(behave)).status == "failed"


@pytest.mark.parametrize(
    "behave",
    [
        lambda q: answer(q, rcode=dns.rcode.REFUSED),
        lambda q: answer(q, rcode=dns.rcode.FORMERR),
        lambda q: answer(q, rcode=dns.rcode.NOTIMP),
        lambda _: b"garbage",
        lambda q: q.to_wire(),  # the question itself comes back
        lambda q: answer(q)[:-4],
        lambda q: dns.message.make_response(q).to_wire(),  # no RA, no AA: a referral
        lambda q: answer(q, flags=dns.flags.TC),  # and nobody answers by TCP
        lambda q: answer(q, "mail.example.test. CNAME b.test.", "b.test. CNAME mail.example.test."),
    ],
)
def test_a_broken_server_is_failed_never_none(server: ServerMaker, behave: Behaviour) -> None:
    got = addresses(MAIL, resolver=server(behave))

    assert (got.status, got.records) == ("failed", ())
    assert got.detail


def test_a_silent_server_is_failed_at_the_deadline(server: ServerMaker) -> None:
    resolver = server(lambda _: None)
    begun = time.monotonic()

    got = addresses(MAIL, resolver=resolver)

    assert got.status == "failed"
    assert "no answer within 1 s" in got.detail
    assert time.monotonic() - begun < 3


def test_a_server_that_is_not_there_is_failed() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    got = addresses(MAIL, resolver=Resolver(address="127.0.0.1", port=port, timeout=0.5))

    assert got.status == "failed"


def test_a_lost_packet_is_asked_again(server: ServerMaker) -> None:
    seen: set[str] = set()

    def lossy(question: Question) -> bytes | None:
        first = kind(question) not in seen
        seen.add(kind(question))
        return None if first else zone()(question)

    assert addresses(MAIL, resolver=server(lossy)).status == "found"


def test_one_family_is_enough_and_the_other_is_told(server: ServerMaker) -> None:
    def no_ipv6(question: Question) -> bytes | None:
        if kind(question) == "AAAA":
            return answer(question, rcode=dns.rcode.SERVFAIL)
        return zone(flags=dns.flags.AD)(question)

    got = addresses(MAIL, resolver=server(no_ipv6))

    assert (got.status, got.records, got.secure) == ("found", ("192.0.2.7",), False)
    assert got.detail == "mail.example.test AAAA: SERVFAIL"


def test_one_bogus_family_stops_the_whole(server: ServerMaker) -> None:
    def half(question: Question) -> bytes | None:
        if kind(question) == "AAAA" and not question.flags & dns.flags.CD:
            return answer(question, rcode=dns.rcode.SERVFAIL)
        return zone()(question)

    got = addresses(MAIL, resolver=server(half))

    assert (got.status, got.records) == ("bogus", ())


def test_one_failed_family_and_one_empty_are_failed(server: ServerMaker) -> None:
    def half(question: Question) -> bytes | None:
        rcode = dns.rcode.SERVFAIL if kind(question) == "AAAA" else dns.rcode.NOERROR
        return answer(question, rcode=rcode)

    assert addresses(MAIL, resolver=server(half)).status == "failed"


@pytest.mark.parametrize("address", ["192.0.2.1", "[2001:db8::1]"])
def test_an_address_answers_itself_and_asks_nobody(address: str) -> None:
    name = hostname(address)
    nobody = Resolver(address="192.0.2.254", timeout=0.1)

    assert addresses(name, resolver=nobody).records == (name.ascii,)
    assert addresses(name, resolver=Resolver()).records == (name.ascii,)


def test_an_address_of_the_other_family_is_none() -> None:
    got = addresses(hostname("192.0.2.1"), resolver=Resolver(), family="ipv6")

    assert (got.status, got.records) == ("none", ())
    assert "IPV6" in got.detail


def test_a_resolver_is_an_ip_address() -> None:
    with pytest.raises(InputError, match=r"'dns\.example\.test' is not an IP address"):
        Resolver(address="dns.example.test")


def test_the_library_is_loaded_only_when_a_server_is_asked() -> None:
    import subprocess
    import sys

    script = "import sys, certcheck.dns; sys.exit('dns.message' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=30).returncode == 0
