import socket
import threading
import time
from pathlib import Path

import dns.flags
import dns.rcode
import pytest

from certcheck.dns import Resolver, lookup, tlsa
from certcheck.model.record import Tlsa, tlsa_owner
from tests.name_server import Question, ServerMaker, answer, kind, running, server

__all__ = ["server"]  # a fixture

OWNER = "_25._tcp.mail.example.test"
RECORD = Tlsa(usage=3, selector=1, matching=1, data=bytes.fromhex("ab" * 32))


def says(question: Question) -> bytes:
    return answer(question, f"{OWNER}. TLSA {RECORD}", flags=dns.flags.AD)


def test_an_owner_is_port_and_name() -> None:
    assert tlsa_owner("mail.example.test", 25) == OWNER


def test_records_come_as_values(server: ServerMaker) -> None:
    (got,) = tlsa([OWNER], resolver=server(says))

    assert (got.status, got.records, got.secure) == ("found", (RECORD,), True)


def test_a_whole_certificate_comes_in_one_piece(server: ServerMaker) -> None:
    whole = Tlsa(usage=3, selector=0, matching=0, data=bytes(range(200)))

    (got,) = tlsa([OWNER], resolver=server(lambda q: answer(q, f"{OWNER}. TLSA {whole}")))

    assert got.records == (whole,)


def test_an_alias_to_records_elsewhere_is_followed(server: ServerMaker) -> None:
    def alias(question: Question) -> bytes:
        chain = (f"{OWNER}. CNAME _dane.example.test.", f"_dane.example.test. TLSA {RECORD}")
        return answer(question, *chain, flags=dns.flags.AD)

    (got,) = tlsa([OWNER], resolver=server(alias))

    assert (got.records, got.secure) == ((RECORD,), True)


def test_each_of_many_owners_has_its_own_answer_in_order(server: ServerMaker) -> None:
    owners = [f"_{port}._tcp.mail.example.test" for port in range(1, 41)]

    def even(question: Question) -> bytes:
        owner = str(question.question[0].name)
        if int(owner[1:].partition(".")[0]) % 2:
            return answer(question, rcode=dns.rcode.NXDOMAIN)
        return answer(question, f"{owner} TLSA {RECORD}")

    got = tlsa(owners, resolver=server(even))

    assert [each.status for each in got] == ["none", "found"] * 20


def test_a_dead_resolver_costs_two_time_outs_and_not_one_for_each(server: ServerMaker) -> None:
    owners = [f"_{port}._tcp.mail.example.test" for port in range(1, 101)]
    begun = time.monotonic()

    got = tlsa(owners, resolver=server(lambda _: None))

    assert {each.status for each in got} == {"failed"}
    assert all("no answer within" in each.detail for each in got)
    assert time.monotonic() - begun < 4


def test_a_slow_resolver_is_not_given_up_while_it_answers() -> None:
    owners = [f"_{port}._tcp.mail.example.test" for port in range(1, 251)]
    pause = threading.Event()

    def slow(question: Question) -> bytes:
        pause.wait(0.01)  # one at a time: all of them take longer than two time-outs
        return says(question)

    with running(slow, timeout=1) as resolver:
        begun = time.monotonic()
        got = tlsa(owners, resolver=resolver)

    assert time.monotonic() - begun > 2
    assert {each.status for each in got} <= {"found", "none"}


@pytest.mark.parametrize("name", ["a." * 122 + "test", "a" * 64 + ".test", "mail..test"])
def test_where_dns_can_hold_no_name_there_is_no_record(name: str) -> None:
    (got,) = tlsa([f"_25._tcp.{name}"], resolver=Resolver(address="192.0.2.1", timeout=0.1))

    assert got.status == "none"


def test_an_answer_that_ends_too_early_is_asked_for_by_tcp_within_the_time() -> None:
    with running(lambda q: answer(q, flags=dns.flags.TC), timeout=0.5) as resolver:
        begun = time.monotonic()
        (got,) = tlsa([OWNER], resolver=resolver)

    assert got.status == "failed"
    assert time.monotonic() - begun < 1


@pytest.fixture
def resolv_conf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "resolv.conf"
    monkeypatch.setattr(lookup, "RESOLV_CONF", path)
    return path


def system(resolver: Resolver) -> Resolver:
    return Resolver(port=resolver.port, timeout=resolver.timeout)


def test_without_an_address_the_servers_of_resolv_conf_are_asked(
    server: ServerMaker, resolv_conf: Path
) -> None:
    resolv_conf.write_text("# one\nsearch example.test\nnameserver\nnameserver 127.0.0.1\n")

    (got,) = tlsa([OWNER], resolver=system(server(says)))

    assert got.records == (RECORD,)


def test_a_server_of_resolv_conf_that_is_silent_is_passed_over(
    server: ServerMaker, resolv_conf: Path
) -> None:
    resolver = server(says)
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.2", resolver.port))
        resolv_conf.write_text("nameserver 127.0.0.2\nnameserver 127.0.0.1\n")

        (got,) = tlsa([OWNER], resolver=system(resolver))

    assert got.records == (RECORD,)


def test_a_servers_failure_is_not_healed_by_one_that_does_not_validate(
    server: ServerMaker, resolv_conf: Path
) -> None:
    resolver = server(lambda q: answer(q, rcode=dns.rcode.SERVFAIL))
    resolv_conf.write_text("nameserver 127.0.0.1\nnameserver 127.0.0.2\n")

    (got,) = tlsa([OWNER], resolver=system(resolver))

    assert (got.status, got.detail) == ("failed", f"{OWNER} TLSA: SERVFAIL")


@pytest.mark.parametrize("text", [None, "", "search example.test\n", "nameserver no-address\n"])
def test_without_a_name_server_nobody_knows(resolv_conf: Path, text: str | None) -> None:
    if text is not None:
        resolv_conf.write_text(text)

    (got,) = tlsa([OWNER], resolver=Resolver(timeout=0.5))

    assert got.status == "failed"
    assert got.detail.startswith(f"{OWNER} TLSA: ")


def test_the_kind_that_is_asked_for_is_tlsa(server: ServerMaker) -> None:
    seen: list[str] = []

    def note(question: Question) -> bytes:
        seen.append(kind(question))
        return says(question)

    tlsa([OWNER], resolver=server(note))

    assert seen == ["TLSA"]
