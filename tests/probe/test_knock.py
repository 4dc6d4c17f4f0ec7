"""Knocking as mail programs do: their hellos, and the answers of servers."""

import asyncio
import ssl

import pytest

from certcheck.judge.profiles import stacks
from certcheck.model.client import Stack
from certcheck.model.observation import Knock
from certcheck.probe.client_hello import ClientHello, decoded, encoded, padded
from certcheck.probe.extension import Kind
from certcheck.probe.hello import VERSIONS
from certcheck.probe.knock import distinct, hello_of, knocked
from tests.probe.hellos import HELLOS
from tests.zoo.identities import own_context
from tests.zoo.keeper import Behaviour
from tests.zoo.manners import implicit, server
from tests.zoo.visit import NAME, door_to

CAPTURED = {
    "openssl-3.0": "openssl-s_client-3.0.19-imaps",
    "gnutls-3.7": "gnutls-cli-imaps",
    "nss-thunderbird-153": "thunderbird-153.7.0esr-imaps",
    "java-17": "java-17.0.15-debian-jsse",
    "python-3.10": "python-3.13.0-imaplib-openssl3.0.19",
    "node-4": "node-4.9.1-openssl1.0.2o-nodedefaults",
}
LISTS = (Kind.SUPPORTED_GROUPS, Kind.SIGNATURE_ALGORITHMS, Kind.SUPPORTED_VERSIONS)


def knock(stack: str, behaviour: Behaviour) -> Knock:
    with door_to("imaps", behaviour) as door:
        return asyncio.run(knocked(door, stacks()[stack]))


def sent(stack: Stack) -> ClientHello:
    return decoded(encoded(padded(hello_of(stack, NAME.ascii))))


@pytest.mark.parametrize("stack", stacks())
def test_every_stack_has_a_hello_that_says_what_the_stack_offers(stack: str) -> None:
    known = stacks()[stack]

    hello = sent(known)

    assert hello.version == min(VERSIONS[known.versions[-1]], VERSIONS["TLSv1.2"])
    assert len(set(hello.suites) - {0x00FF}) == len(known.suites)
    assert hello.server_name == (NAME.ascii if known.sni else None)
    if known.extensions is not None:
        left_out = {0x0029, 0x44CD, 0xFE0D, 0x5500, Kind.PADDING, Kind.SERVER_NAME}
        kinds = [each.kind for each in hello.extensions or ()]
        assert [k for k in kinds if k not in left_out] == [
            k for k in known.extensions if k not in left_out
        ]


@pytest.mark.parametrize("stack", CAPTURED)
def test_a_hello_offers_what_the_captured_one_offers_in_its_order(stack: str) -> None:
    real, ours = decoded(HELLOS[CAPTURED[stack]]), sent(stacks()[stack])

    assert [s for s in ours.suites if s != 0x00FF] == [s for s in real.suites if s != 0x00FF]
    assert [ours.numbers(kind) for kind in LISTS] == [real.numbers(kind) for kind in LISTS]
    shares = [[share.group for share in each.key_shares or ()] for each in (ours, real)]
    assert shares[0] == shares[1]


def test_the_answer_is_the_servers_choice() -> None:
    found = knock("openssl-3.0", implicit("imap"))

    assert (found.stack, found.version, found.doubt) == ("openssl-3.0", "TLSv1.3", "")
    assert found.suite == "TLS_AES_256_GCM_SHA384"


def test_a_refusal_has_no_version_and_no_doubt() -> None:
    modern = own_context(oldest=ssl.TLSVersion.TLSv1_3)

    found = knock("android-4.1", implicit("imap", tls=modern))

    assert (found.version, found.suite, found.doubt) == (None, None, "")


def test_what_is_no_answer_is_a_doubt() -> None:
    found = knock("openssl-3.0", lambda visitor: visitor.say(b"* BYE no\r\n"))

    assert found.version is None
    assert found.doubt


def test_starttls_is_spoken_before_the_hello() -> None:
    with door_to("imap", server("imap")) as door:
        found = asyncio.run(knocked(door, stacks()["nss-thunderbird-140"]))

    assert found.version == "TLSv1.3"


def test_stacks_that_send_the_same_are_asked_for_once() -> None:
    groups = distinct(tuple(stacks().values()))

    assert sum(map(len, groups)) == len(stacks())
    assert len(groups) < len(stacks())
    together = next(each for each in groups if stacks()["java-17"] in each)
    assert stacks()["java-21"] in together
