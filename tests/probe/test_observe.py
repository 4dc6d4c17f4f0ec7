import asyncio
import re

import pytest

from certcheck.model.endpoint import Hostname, Scheme
from certcheck.model.observation import Observation
from certcheck.probe.limits import Gate
from certcheck.probe.observe import observed, unseen
from tests.probe.looking import LIMITS, NOW, look
from tests.zoo.accidents import no_descriptors
from tests.zoo.animals import ESC, Animal, silent
from tests.zoo.identities import context
from tests.zoo.keeper import Visitor, kept
from tests.zoo.manners import implicit, server
from tests.zoo.visit import at
from tests.zoo.zoo import ZOO

RAW = re.compile(r"[^ -~]")


def _name(animal: Animal) -> str:
    return animal.name


SEEN = [each for each in ZOO if each.reason is None]
UNSEEN = [each for each in ZOO if each.reason is not None]


@pytest.mark.parametrize("animal", SEEN, ids=_name)
def test_tls_is_seen(animal: Animal) -> None:
    seen = look(animal.scheme, animal.behaviour)

    assert (seen.outcome, seen.reason, seen.detail) == ("seen", None, "")
    assert animal.versions in {None, seen.protocols}
    names = {each.server_name for each in seen.deployments}
    assert names == {"mail.example.test", *([None] if animal.without_sni else [])}
    assert _raw_texts(seen) == []


@pytest.mark.parametrize("animal", UNSEEN, ids=_name)
def test_hostile_servers_get_the_right_reason(animal: Animal) -> None:
    seen = look(animal.scheme, animal.behaviour)

    assert (seen.outcome, seen.reason) == (animal.outcome, animal.reason), seen
    assert seen.detail
    assert bool(seen.deployments) == animal.shown
    assert _raw_texts(seen) == []


def test_every_animal_has_a_name_of_its_own() -> None:
    names = [each.name for each in ZOO]

    assert len(names) == len(set(names))


def _raw_texts(seen: Observation) -> list[str]:
    words = seen.capabilities
    texts = [seen.detail, words.greeting, *seen.transcript, *seen.doubts]
    texts += [*words.before_tls, *words.after_tls]
    return [text for text in texts if RAW.search(text) or len(text) > 300]


@pytest.mark.parametrize("answer", [b"550 5.7.1 bad name\r\n", b"450 4.7.1 who?\r\n"])
def test_the_words_of_a_refusal_are_shown(answer: bytes) -> None:
    seen = look("smtp", server("smtp", {"EHLO": answer}))

    assert answer.decode().strip() in seen.detail
    assert seen.attempts == 1


@pytest.mark.parametrize(
    ("address", "literal"), [("127.0.0.1", "[127.0.0.2]"), ("::1", "[IPv6:::1]")]
)
def test_we_call_ourselves_by_our_own_address(address: str, literal: str) -> None:
    seen = look("smtp", server("smtp"), address=address)

    assert f"C: EHLO {literal}" in seen.transcript


def test_imap_capabilities_are_asked_again_inside_tls() -> None:
    seen = look("imap", server("imap")).capabilities

    assert seen.greeting == "* OK zoo"
    assert seen.before_tls == ("IMAP4rev1", "STARTTLS", "LOGINDISABLED")
    assert seen.after_tls == ("IMAP4rev1", "AUTH=PLAIN")
    assert (seen.auth_before_tls, seen.auth_after_tls) == ((), ("PLAIN",))


@pytest.mark.parametrize("scheme", ["imap", "imaps"])
def test_what_an_imap_greeting_leaves_out_is_asked_for(scheme: Scheme) -> None:
    # As Cyrus 3.6 greets.
    short = {"greeting": b"* OK [CAPABILITY IMAP4rev1 STARTTLS] zoo\r\n"}
    behaviour = implicit("imap", short) if scheme == "imaps" else server("imap", short)

    seen = look(scheme, behaviour).capabilities

    assert seen.greeting == "* OK [CAPABILITY IMAP4rev1 STARTTLS] zoo"
    assert seen.before_tls == (
        ("IMAP4rev1", "STARTTLS", "LOGINDISABLED") if scheme == "imap" else ()
    )
    assert seen.after_tls == ("IMAP4rev1", "AUTH=PLAIN")


def test_an_imap_greeting_counts_where_nothing_else_is_told() -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1 STARTTLS] zoo\r\n"
    refusing = {"greeting": greeting, "CAPABILITY": b"c1 BAD not now\r\n"}

    seen = look("imap", server("imap", refusing))

    assert (seen.outcome, seen.detail) == ("seen", "")
    assert seen.capabilities.before_tls == ("IMAP4rev1", "STARTTLS")


def test_smtp_keywords_and_size_are_read() -> None:
    seen = look("smtp", server("smtp")).capabilities

    assert seen.before_tls == ("SIZE 10240000", "STARTTLS")
    assert (seen.auth_before_tls, seen.auth_after_tls) == ((), ("PLAIN", "LOGIN"))
    assert seen.size == 10240000


@pytest.mark.parametrize("scheme", ["pop3", "sieve"])
def test_sasl_mechanisms_are_read(scheme: Scheme) -> None:
    seen = look(scheme, server(scheme)).capabilities

    assert seen.auth_before_tls == ()
    assert "PLAIN" in seen.auth_after_tls


def test_implicit_tls_has_no_words_before_tls() -> None:
    seen = look("imaps", implicit("imap")).capabilities

    assert (seen.before_tls, seen.auth_before_tls) == ((), ())
    assert seen.after_tls == ("IMAP4rev1", "AUTH=PLAIN")


def test_words_before_a_failure_are_kept() -> None:
    seen = look("imap", server("imap", {"STARTTLS": b"s1 NO sorry\r\n"}))

    assert seen.capabilities.before_tls == ("IMAP4rev1", "STARTTLS", "LOGINDISABLED")
    assert seen.transcript[-2:] == ("C: s1 STARTTLS", "S: s1 NO sorry")


def test_escape_sequences_are_shown_as_text() -> None:
    seen = look("imap", server("imap", {"greeting": b"* OK " + ESC + b"\r\n"}))

    assert seen.transcript[0].startswith("S: * OK \\x1b]8;;http://evil.example\\x1b\\click")
    assert "\\xe2\\x80\\xae" in seen.capabilities.greeting


def test_both_key_types_are_found() -> None:
    seen = look("imaps", implicit("imap", tls=context("ecdsa", "rsa2048")))

    with_name = [each for each in seen.deployments if each.server_name]
    assert [(each.key_type, each.seen, each.of) for each in with_name] == [
        ("ecdsa", 4, 4),
        ("rsa", 1, 1),
    ]


def test_two_backends_are_two_deployments() -> None:
    backends = [implicit("imap", tls=context("ecdsa", name=f"{x}.example.test")) for x in "ab"]

    def behaviour(visitor: Visitor) -> None:
        backends[visitor.number % 2](visitor)

    seen = look("imaps", behaviour)

    found = {each.leaf.title for each in seen.deployments}
    assert found == {"a.example.test", "b.example.test"}


def test_an_ip_endpoint_sends_no_sni() -> None:
    literal = Hostname(ascii="127.0.0.1", unicode="127.0.0.1", is_ip=True)
    seen = look("imaps", implicit("imap"), host=literal)

    assert [each.server_name for each in seen.deployments] == [None]


def test_ipv6_works() -> None:
    seen = look("smtp", server("smtp"), address="::1")

    assert (seen.outcome, seen.address) == ("seen", "::1")


def test_a_closed_port_is_a_fact() -> None:
    with kept(silent) as place:
        port = place
    endpoint = at(port, "imap")
    seen = asyncio.run(
        observed(
            endpoint,
            "127.0.0.1",
            number=7,
            depth="quick",
            gate=Gate(LIMITS),
            limits=LIMITS,
            at=NOW,
        )
    )

    assert (seen.id, seen.outcome, seen.reason) == ("o7", "closed", "refused")


@pytest.mark.parametrize("address", ["localhost", "", "192.0.2", "a\0b", "::1%", "é", "1" * 999])
def test_what_is_no_address_is_unreachable(address: str) -> None:
    with kept(silent) as place:
        endpoint = at(place, "imap")
    seen = asyncio.run(
        observed(
            endpoint, address, number=1, depth="quick", gate=Gate(LIMITS), limits=LIMITS, at=NOW
        )
    )

    assert (seen.outcome, seen.reason) == ("inconclusive", "unreachable")
    assert RAW.search(seen.detail) is None


def test_a_name_that_sni_cannot_carry_is_told() -> None:
    odd = ".example.test"
    seen = look("imaps", implicit("imap"), host=Hostname(ascii=odd, unicode=odd))

    assert (seen.outcome, seen.reason) == ("tls_failed", "handshake_failed")
    assert "'.example.test'" in seen.detail


def test_no_descriptor_left_is_no_traceback() -> None:
    with kept(silent) as place:
        endpoint = at(place, "imap")

    async def asked() -> Observation:
        with no_descriptors():
            return await observed(
                endpoint,
                "127.0.0.1",
                number=1,
                depth="quick",
                gate=Gate(LIMITS),
                limits=LIMITS,
                at=NOW,
            )

    seen = asyncio.run(asked())

    assert (seen.reason, seen.detail) == ("unreachable", "Too many open files")


def test_an_unresolved_name_is_told_by_the_caller() -> None:
    with kept(silent) as place:
        endpoint = at(place, "imap")
    seen = unseen(endpoint, None, number=2, at=NOW, reason="unresolved", detail="no such name")

    assert (seen.outcome, seen.reason, seen.address) == ("inconclusive", "unresolved", None)


def test_silence_inside_tls_is_a_doubt() -> None:
    seen = look("imaps", implicit("imap", {"greeting": silent}))

    assert seen.outcome == "seen"
    assert any("inside TLS" in doubt for doubt in seen.doubts)


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 no\r\n", b"220 mx ESMTP\r\n"])
def test_another_protocol_inside_tls_is_told_with_its_certificate(greeting: bytes) -> None:
    seen = look("imaps", implicit("imap", {"greeting": greeting}))

    assert (seen.outcome, seen.reason) == ("inconclusive", "wrong_protocol")
    assert greeting.decode().strip() in seen.detail
    assert seen.deployments
    assert seen.doubts == ()


def test_a_version_that_cannot_be_asked_is_a_doubt() -> None:
    def behaviour(visitor: Visitor) -> None:
        (implicit("imap") if visitor.number == 1 else silent)(visitor)

    seen = look("imaps", behaviour)

    assert seen.protocols == ("TLSv1.3",)
    assert any("TLSv1.2" in doubt for doubt in seen.doubts)
