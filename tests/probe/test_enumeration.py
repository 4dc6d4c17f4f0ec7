"""Our own list of what a server takes, held against what the server was told to take."""

import asyncio
import re
import socket
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from certcheck.iana import is_new, suites
from certcheck.model.observation import Preference, Refusals, TlsVersion
from certcheck.probe.client_hello import ClientHello, decoded
from certcheck.probe.comparison import Compared, compared
from certcheck.probe.conclusion import Scanned
from certcheck.probe.enumeration import Enumerated, enumerated
from certcheck.probe.extension import Kind
from tests.probe.looking import look
from tests.zoo import records
from tests.zoo.accidents import Accident, now_and_then, on_bad_line, refusing_by_eof
from tests.zoo.animals import answers_hello
from tests.zoo.identities import context, own_context
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.manners import implicit, server
from tests.zoo.visit import LIMITS, NAME, door_to

BOTH: tuple[TlsVersion, ...] = ("TLSv1.2", "TLSv1.3")
ALL: tuple[TlsVersion, ...] = ("TLSv1.0", "TLSv1.1", *BOTH)
GCM, CBC = "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"
RC4 = "TLS_RSA_WITH_RC4_128_SHA"
CCM = "TLS_RSA_WITH_AES_128_CCM"
FFDHE = b"\x01\x00\x01\x01\x01\x02"  # RFC 7919: ffdhe2048, 3072, 4096
# RFC 8734: signatures by brainpool curves, which sslyze's library does not offer.
BRAINPOOL = b"\x08\x1a\x08\x1b\x08\x1c"


def wide() -> ssl.SSLContext:
    tls = own_context("rsa2048", "ecdsa", name=NAME.ascii, oldest=ssl.TLSVersion.TLSv1)
    tls.set_ciphers("ALL:@SECLEVEL=0")
    return tls


def told(tls: ssl.SSLContext, *keys: str) -> set[str]:
    """The suites that OpenSSL takes with `keys`, and without parameters for DHE, PSK and SRP."""
    usable = re.compile(rf"TLS_(ECDHE_({'|'.join(keys)})|{'|'.join(keys)}|ECDH_anon|(?!.*WITH).*)_")
    known = {suites()[each["id"] & 0xFFFF] for each in tls.get_ciphers()}
    return {name for name in known if usable.match(name) and "PSK" not in name}


def asked(behaviour: Behaviour, *known: TlsVersion) -> Enumerated:
    with door_to("imaps", behaviour, limits=replace(LIMITS, silence=0.3)) as door:
        return asyncio.run(enumerated(door, known))


def held(behaviour: Behaviour, own: Enumerated, scan: Scanned) -> Compared:
    with door_to("imaps", behaviour) as door:
        return asyncio.run(compared(door, own, scan))


def every(found: Enumerated) -> set[str]:
    return {name for names in found.suites.values() for name in names}


@pytest.mark.parametrize("by_eof", [True, False])
def test_all_that_a_wide_server_takes_is_found(*, by_eof: bool) -> None:
    tls = wide()

    found = asked(refusing_by_eof(tls) if by_eof else implicit("imap", tls=tls), *ALL)

    assert tuple(found.suites) == ALL
    assert every(found) == told(tls, "RSA", "ECDSA")
    assert found.doubts == ()


def test_versions_that_no_handshake_had_are_found_all_the_same() -> None:
    found = asked(implicit("imap", tls=wide()))

    assert tuple(found.suites) == ALL
    assert found.doubts == ()


def test_starttls_is_spoken_before_each_hello() -> None:
    with door_to("smtp", server("smtp")) as door:
        found = asyncio.run(enumerated(door, BOTH))

    assert every(found) == told(context(), "ECDSA")
    assert door.gate.connections == found.connections


@pytest.mark.parametrize(
    ("options", "preference"),
    [(ssl.OP_CIPHER_SERVER_PREFERENCE, "server"), (0, "client")],
)
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_whose_order_decides_is_found(
    options: int, preference: Preference, newest: ssl.TLSVersion
) -> None:
    tls = own_context("rsa2048", name=NAME.ascii, oldest=newest)
    tls.maximum_version = newest
    tls.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    tls.options |= options

    assert asked(implicit("imap", tls=tls)).preference == preference


def test_without_a_choice_there_is_no_order() -> None:
    tls = own_context("rsa2048", name=NAME.ascii)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers("AES128-SHA")

    found = asked(implicit("imap", tls=tls), "TLSv1.2")

    assert (found.suites, found.preference) == ({"TLSv1.2": (CBC,)}, None)
    assert found.groups == ()


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize(("curve", "name"), [("prime256v1", "secp256r1"), ("X448", "X448")])
def test_the_one_group_of_a_server_is_found(version: str, curve: str, name: str) -> None:
    tls = own_context("rsa2048", name=NAME.ascii, oldest=ssl.TLSVersion[version])
    tls.maximum_version = ssl.TLSVersion[version]
    tls.set_ecdh_curve(curve)

    assert asked(implicit("imap", tls=tls)).groups == (name,)


def test_groups_of_today_are_found() -> None:
    found = asked(implicit("imap", tls=own_context("rsa2048", name=NAME.ascii)))

    assert {"X25519", "secp256r1", "X448", "secp521r1", "secp384r1"} <= set(found.groups)


@pytest.mark.parametrize("by_eof", [True, False])
def test_a_server_that_shuns_large_hellos_is_asked_by_small_ones(*, by_eof: bool) -> None:
    tls = wide()

    def shy(visitor: Visitor) -> None:
        if len(visitor.sock.recv(4096, socket.MSG_PEEK)) < 600:
            implicit("imap", tls=tls)(visitor)
        elif not by_eof:
            visitor.hear_bytes()
            visitor.say(records.alert(records.FATAL, records.HANDSHAKE_FAILURE))

    found = asked(shy, "TLSv1.2", "TLSv1.3")

    assert every(found) == told(tls, "RSA", "ECDSA")
    assert tuple(found.suites) == ALL


def test_one_hello_asks_for_a_suite_and_a_group_as_long_as_there_are_new_ones() -> None:
    heard: list[ClientHello] = []
    tls = own_context("rsa2048", name=NAME.ascii, oldest=ssl.TLSVersion.TLSv1_3)
    tls.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE

    found = asked(listening(implicit("imap", tls=tls), heard), "TLSv1.3")

    hellos = [hello for hello in heard if hello.extension(Kind.SUPPORTED_VERSIONS)]
    ends, orders = 2, 2
    # The first one names a group, which is asked for again among all.
    assert len(hellos) == 1 + len(found.groups) + ends + orders
    assert len(found.suites["TLSv1.3"]) == 3 < len(found.groups)


@pytest.mark.parametrize("with_dh", [True, False])
def test_what_is_left_is_confirmed_by_one_hello_if_the_server_can_do_dh(
    *, with_dh: bool, tmp_path: Path
) -> None:
    heard: list[ClientHello] = []
    tls = taking("DHE-RSA-AES128-SHA:AES128-SHA" if with_dh else "AES128-SHA:AES256-SHA")
    made = "genpkey -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out"
    subprocess.run(["openssl", *made.split(), tmp_path / "dh.pem"], check=True)
    tls.load_dh_params(str(tmp_path / "dh.pem"))

    asked(listening(refusing_by_eof(tls), heard), "TLSv1.2")

    last = [set(hello.suites) for hello in heard if hello.version == 0x0303][-8:]
    every_one = {code for code, name in suites().items() if not is_new(code)}
    whole = [each for each in last if len(each) >= len(every_one) - 2]
    # Hung up once in each part before, and so twice here.
    assert len(whole) == (2 if with_dh else 0)


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.parametrize("accident", ["dial reset", "eof", "reset"])
@pytest.mark.parametrize("seed", range(7))
def test_nothing_is_lost_silently_on_a_bad_line(accident: Accident, seed: int) -> None:
    tls = context("rsa2048", name="bad-line.example.test")
    good = refusing_by_eof(tls) if seed % 2 else implicit("imap", tls=tls)

    found = asked(on_bad_line(good, accident, now_and_then(seed)), *BOTH)

    assert every(found) == told(tls, "RSA") or found.doubts


@pytest.mark.parametrize(
    ("data", "doubt"),
    [
        (records.server_hello(suite=b"\x00\x00"), "chooses a cipher suite that nobody offered"),
        (records.server_hello()[:30], "stays silent after the TLS hello"),
        (records.HELLO_REQUEST, "the first message is of type 0"),
        (b"* BAD what?\r\n", "does not answer in TLS"),
        (b"", "which a handshake had"),
    ],
    ids=["unoffered", "cut short", "not a ServerHello", "plain text", "nothing"],
)
def test_an_answer_that_is_none_leaves_a_doubt(data: bytes, doubt: str) -> None:
    found = asked(answers_hello(data), "TLSv1.2")

    assert found.suites == {}
    assert any(doubt in each for each in found.doubts), found.doubts


def test_what_sslyze_alone_saw_is_asked_again_and_believed_if_it_is_so() -> None:
    scan = Scanned(suites={"TLSv1.2": (GCM, CBC)})
    tls = own_context("rsa2048", name=NAME.ascii)

    both = held(implicit("imap", tls=tls), Enumerated(suites={"TLSv1.2": (CBC,)}), scan)

    assert both.suites == {"TLSv1.2": (GCM, CBC)}
    assert (both.disagreements, both.doubts, both.connections) == ((), (), 1)


def test_what_sslyze_alone_saw_is_a_disagreement_if_it_is_not_so() -> None:
    scan = Scanned(suites={"TLSv1.2": (RC4, CBC)})

    both = held(implicit("imap"), Enumerated(suites={"TLSv1.2": (CBC,)}), scan)

    assert both.suites == {"TLSv1.2": (RC4, CBC)}
    assert both.disagreements == (f"TLSv1.2: accepted for sslyze, refused for certcheck: {RC4}",)


def test_what_sslyze_certainly_refused_is_a_disagreement_if_it_is_taken_again() -> None:
    own = Enumerated(suites={"TLSv1.2": (CBC, GCM), "TLSv1.3": ("TLS_SHA256_SHA256",)})
    tls = own_context("rsa2048", name=NAME.ascii)

    both = held(
        implicit("imap", tls=tls), own, Scanned(refusals={"TLSv1.2": Refusals(with_family=(CBC,))})
    )

    assert both.suites == own.suites
    assert both.disagreements == (f"TLSv1.2: accepted for certcheck, refused for sslyze: {CBC}",)
    assert both.connections == 1


def test_what_a_server_takes_only_with_groups_that_sslyze_lacks_is_no_disagreement() -> None:
    # As GnuTLS does with DHE, for want of parameters.
    more = taking("AES128-SHA:AES128-GCM-SHA256:AES128-CCM")
    seen = look("imaps", two_faced(FFDHE, shown=more), depth="full")

    assert set(seen.cipher_suites["TLSv1.2"]) == {CBC, GCM, CCM}
    assert (seen.disagreements, seen.doubts) == ((), ())


def test_a_server_that_cannot_be_asked_again_leaves_a_doubt() -> None:
    both = held(
        answers_hello(b"* BAD what?\r\n"), Enumerated(), Scanned(suites={"TLSv1.2": (CBC,)})
    )

    assert both.disagreements == ()
    assert [each.partition(": ")[0] for each in both.doubts] == [
        "not known whose list of suites is right"
    ]


def test_two_faces_of_a_server_are_seen_by_the_two_engines() -> None:
    seen = look("imaps", two_faced(BRAINPOOL, shown=taking("AES128-SHA")), depth="full")

    assert set(seen.cipher_suites["TLSv1.2"]) == {CBC, GCM}
    assert seen.disagreements == (f"TLSv1.2: accepted for sslyze, refused for certcheck: {GCM}",)


def listening(behaviour: Behaviour, heard: list[ClientHello]) -> Behaviour:
    """The same, and what it was told."""

    def listens(visitor: Visitor) -> None:
        heard.append(decoded(visitor.sock.recv(4096, socket.MSG_PEEK)))
        behaviour(visitor)

    return listens


def two_faced(
    sign: bytes, *, shown: ssl.SSLContext, else_: ssl.SSLContext | None = None
) -> Behaviour:
    """One that tells its guests apart by what they offer, as some appliances do."""
    other = else_ or taking("AES128-SHA:AES128-GCM-SHA256")

    def behaviour(visitor: Visitor) -> None:
        hello = visitor.sock.recv(4096, socket.MSG_PEEK)
        implicit("imap", tls=shown if sign in hello else other)(visitor)

    return behaviour


def taking(ciphers: str) -> ssl.SSLContext:
    tls = own_context("rsa2048", name=NAME.ascii)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers(ciphers)
    return tls
