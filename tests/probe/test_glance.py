"""A glance: which certificates are served, by the server's signature alone."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from certcheck.lab.pki import KeyKind
from certcheck.model.endpoint import Scheme
from certcheck.model.observation import Observation
from certcheck.probe.glance import glanced
from certcheck.probe.limits import Gate, Limits
from tests.probe.looking import LIMITS, NOW
from tests.zoo import records
from tests.zoo.animals import Animal, says
from tests.zoo.identities import context, identity, modern, own_context
from tests.zoo.keeper import Behaviour, Visitor, kept
from tests.zoo.manners import implicit, server
from tests.zoo.visit import at
from tests.zoo.zoo import ZOO


def glance(scheme: Scheme, behaviour: Behaviour, *, limits: Limits = LIMITS) -> Observation:
    with kept(behaviour) as place:
        seen = glanced(at(place, scheme), "127.0.0.1", gate=Gate(limits), limits=limits, at=NOW)
        return asyncio.run(seen)


def kinds(seen: Observation) -> dict[str, bool]:
    return {each.key_type: each.possession_proven for each in seen.deployments}


@pytest.mark.parametrize("scheme", ["smtp", "imap", "pop3", "sieve", "lmtp"])
def test_both_keys_are_seen_and_proven_in_two_connections(scheme: Scheme) -> None:
    tls = context("ecdsa", "rsa2048")

    seen = glance(scheme, server(scheme, tls=tls))

    assert (seen.outcome, seen.detail) == ("seen", "")
    assert kinds(seen) == {"ecdsa": True, "rsa": True}
    assert (seen.connections, seen.engines) == (2, ("signature",))


@pytest.mark.parametrize(("key", "kind"), [("ecdsa", "ecdsa"), ("rsa2048", "rsa")])
def test_a_key_that_is_not_there_is_no_doubt(key: KeyKind, kind: str) -> None:
    seen = glance("imaps", implicit("imap", tls=context(key)))

    assert (seen.outcome, seen.detail, kinds(seen)) == ("seen", "", {kind: True})


def test_a_server_of_tls_1_3_only_is_asked_by_whole_handshakes() -> None:
    seen = glance("imap", server("imap", tls=modern()))

    assert (seen.outcome, kinds(seen), seen.engines) == ("seen", {"ecdsa": True}, ("handshake",))


def test_a_key_exchange_without_signature_is_a_whole_handshake() -> None:
    tls = own_context("rsa2048")
    tls.set_ciphers("AES128-GCM-SHA256")
    tls.maximum_version = tls.minimum_version

    seen = glance("imaps", implicit("imap", tls=tls))

    assert (kinds(seen), seen.engines) == ({"rsa": True}, ("handshake",))


Sign = Callable[[bytes], bytes]


def _signer(key: PrivateKeyTypes, *, pss: bool = False) -> tuple[int, Sign]:
    match key:
        case ec.EllipticCurvePrivateKey():
            return 0x0403, lambda content: key.sign(content, ec.ECDSA(hashes.SHA256()))
        case ed25519.Ed25519PrivateKey():
            return 0x0807, key.sign
        case rsa.RSAPrivateKey() if pss:
            salted = padding.PSS(padding.MGF1(hashes.SHA512()), padding.PSS.DIGEST_LENGTH)
            return 0x0806, lambda content: key.sign(content, salted, hashes.SHA512())
        case rsa.RSAPrivateKey():
            return 0x0201, lambda content: key.sign(content, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
        case _:
            raise AssertionError


def signing(shown: KeyKind, scheme: int, sign: Sign, *, finite: bool = False) -> Behaviour:
    """A server that shows a certificate and signs its key exchange so, and goes no further."""
    loaded = serialization.load_pem_private_key(identity(shown).key, None)
    suite = b"\xc0\x2f" if isinstance(loaded, rsa.RSAPrivateKey) else b"\xc0\x2b"
    leaf = _der(shown)

    def behaviour(visitor: Visitor) -> None:
        hello = visitor.hear_bytes()
        if suite not in records.suites_of(hello):
            visitor.say(records.alert(records.FATAL, records.HANDSHAKE_FAILURE))
            return
        random = bytes(range(32))
        large = (2**255 + 95).to_bytes(32)
        if finite:
            parameters = b"".join(records.sized(part, 2) for part in (large, b"\2", large))
        else:
            parameters = b"\3\0\x1d" + records.sized(bytes(32), 1)
        signature = records.sized(sign(hello[11:43] + random + parameters), 2)
        exchange = records.message(12, parameters + scheme.to_bytes(2) + signature)
        chosen = records.server_hello(suite=suite, random=random)
        visitor.say(chosen + records.certificates([leaf]) + exchange + records.DONE)
        visitor.hear_bytes()

    return behaviour


def _der(kind: KeyKind) -> bytes:
    import ssl

    text = identity(kind).certificate.decode()
    return ssl.PEM_cert_to_DER_cert(text[: text.index("-----END")] + "-----END CERTIFICATE-----\n")


def _key(kind: KeyKind) -> PrivateKeyTypes:
    return serialization.load_pem_private_key(identity(kind).key, None)


@pytest.mark.parametrize("finite", [False, True])
@pytest.mark.parametrize(
    ("shown", "pss"), [("ecdsa", False), ("rsa2048", False), ("rsa2048", True)]
)
def test_the_signature_of_the_shown_key_is_proof(
    shown: KeyKind, *, pss: bool, finite: bool
) -> None:
    scheme, sign = _signer(_key(shown), pss=pss)

    seen = glance("imaps", signing(shown, scheme, sign, finite=finite))

    assert (seen.outcome, seen.engines) == ("seen", ("signature",))
    assert list(kinds(seen).values()) == [True]


@pytest.mark.parametrize("shown", ["ecdsa", "rsa2048"])
@pytest.mark.parametrize("fault", ["another key", "another hello", "another scheme", "cut", "none"])
def test_who_does_not_hold_the_key_is_not_believed(shown: KeyKind, fault: str) -> None:
    key = _key(shown)
    stranger: PrivateKeyTypes = (
        ec.generate_private_key(ec.SECP256R1())
        if shown == "ecdsa"
        else rsa.generate_private_key(65537, 2048)
    )
    scheme, good = _signer(key)
    faults: dict[str, tuple[int, Sign]] = {
        "another key": _signer(stranger),
        "another hello": (scheme, lambda content: good(b"\0" + content[1:])),
        "another scheme": (0x0807, good),
        "cut": (scheme, lambda content: good(content)[:-1]),
        "none": (scheme, lambda _: b""),
    }

    seen = glance("imaps", signing(shown, *faults[fault]))

    assert (seen.outcome, seen.reason, seen.deployments) == ("tls_failed", "handshake_failed", ())


# What is only to be had inside TLS, behind the signature, or by asking once more.
BEYOND = {
    *("another protocol inside TLS", "http inside TLS", "stalls before ServerHelloDone"),
    *("stalls before Finished", "alert before Finished", "alert in plain text after Finished"),
    *("close_notify before Finished", "STARTTLS now and then"),
}


@pytest.mark.parametrize(
    "animal", [each for each in ZOO if each.name not in BEYOND], ids=lambda each: each.name
)
def test_hostile_servers_get_the_reason_that_a_long_look_gives(animal: Animal) -> None:
    seen = glance(animal.scheme, animal.behaviour)

    assert (seen.outcome, seen.reason) == (animal.outcome, animal.reason), seen
    assert bool(seen.deployments) == animal.shown
    assert not re.search(r"[^ -~]", "".join((seen.detail, *seen.transcript)))


def test_a_second_question_without_answer_is_told() -> None:
    def behaviour(visitor: Visitor) -> None:
        hello = visitor.sock.recv(4096, 2)  # MSG_PEEK
        if b"\xc0\x2b" in records.suites_of(hello):
            implicit("imap")(visitor)
        else:
            visitor.stay_silent()

    seen = glance("imaps", behaviour)

    assert (seen.outcome, kinds(seen)) == ("seen", {"ecdsa": True})
    assert "another type of key" in seen.detail
    assert "silent" in seen.detail


def test_a_server_that_wants_to_be_left_alone_is() -> None:
    count = 0

    def behaviour(visitor: Visitor) -> None:
        nonlocal count
        count += 1
        says(b"421 too many\r\n")(visitor)

    seen = glance("smtp", behaviour, limits=replace(LIMITS, per_host=1))

    assert (seen.outcome, seen.reason) == ("inconclusive", "rate_limited")
    assert (count, seen.connections) == (2, 2)
