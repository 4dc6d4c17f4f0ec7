"""A DNS server on loopback that says what a test wants."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import dns.message
import dns.rcode
import dns.rrset
import pytest

from certcheck.dns import Resolver

Question = dns.message.QueryMessage
Behaviour = Callable[[Question], bytes | None]
ServerMaker = Callable[[Behaviour], Resolver]


@contextmanager
def running(behave: Behaviour, *, timeout: float = 1.0) -> Iterator[Resolver]:
    """A DNS server on loopback, UDP and TCP, that answers as `behave` says."""
    with ExitStack() as open_ones:
        tcp = open_ones.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = tcp.getsockname()[1]
        udp = open_ones.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", port))

        def by_udp() -> None:
            while wire := udp.recvfrom(4096):
                if wire[0] == b"end":
                    return
                question = dns.message.from_wire(wire[0])
                assert isinstance(question, Question)
                if (answer := behave(question)) is not None:
                    udp.sendto(answer, wire[1])

        thread = threading.Thread(target=by_udp, daemon=True)
        thread.start()
        yield Resolver(address="127.0.0.1", port=port, timeout=timeout)
        udp.sendto(b"end", ("127.0.0.1", port))
        thread.join(5)


@pytest.fixture
def server() -> Iterator[ServerMaker]:
    with ExitStack() as all_of_them:
        yield lambda behave: all_of_them.enter_context(running(behave))


def answer(
    question: Question,
    *records: str,
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR,
    flags: int = 0,
) -> bytes:
    response = dns.message.make_response(question, recursion_available=True)
    response.set_rcode(rcode)
    response.flags |= flags
    for record in records:
        name, kind, data = record.split(maxsplit=2)
        response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, data))
    return response.to_wire()


def kind(question: Question) -> str:
    return question.question[0].rdtype.name


def zone(*, flags: int = 0) -> Behaviour:
    records = {"A": "A 192.0.2.7", "AAAA": "AAAA 2001:db8::7"}
    return lambda q: answer(q, f"mail.example.test. {records[kind(q)]}", flags=flags)
