"""Keys without arithmetic: OpenSSL looks at them, and takes them."""

import ssl
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certcheck.probe import extension
from certcheck.probe.client_hello import ClientHello, decoded, encoded, fresh
from certcheck.probe.extension import KeyShare, Kind
from certcheck.probe.public_key import public_key
from certcheck.probe.reply import Reply
from tests.probe.hellos import CURL
from tests.zoo.keeper import Place
from tests.zoo.openssl import asked, s_server

# What OpenSSL 3 makes key shares for.
GROUPS = {
    "X25519": 0x001D,
    "X448": 0x001E,
    "P-256": 0x0017,
    "P-384": 0x0018,
    "P-521": 0x0019,
    "ffdhe2048": 0x0100,
    "ffdhe3072": 0x0101,
    "ffdhe4096": 0x0102,
    "ffdhe6144": 0x0103,
    "ffdhe8192": 0x0104,
}
BRAINPOOL = 0x001F  # RFC 8734: brainpoolP256r1tls13


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server of TLS 1.3 with all groups."""
    with s_server(tmp_path_factory.mktemp("wide"), "-groups", ":".join(GROUPS)) as place:
        yield place


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_openssl_takes_a_key_for_each_of_its_groups(group: int, wide: Place) -> None:
    said = asked(wide, encoded(fresh(only(KeyShare(group=group)))))

    assert said == Reply(version=0x0304, suite=0x1302, group=group, complete=True)


@pytest.mark.parametrize("group", [group for name, group in GROUPS.items() if name[0] in "Pf"])
def test_openssl_looks_at_a_key_before_it_answers(group: int, wide: Place) -> None:
    wrong = bytes(len(public_key(group) or b""))

    said = asked(wide, encoded(only(KeyShare(group=group, key=wrong))))

    assert said is not None
    assert said.alert == ssl.AlertDescription.ALERT_DESCRIPTION_ILLEGAL_PARAMETER


def test_a_share_without_a_key_is_left_out_and_asked_for(wide: Place) -> None:
    one_more = only(KeyShare(group=BRAINPOOL), GROUPS["P-256"])

    hello = fresh(one_more)

    assert hello.key_shares == ()
    said = asked(wide, encoded(hello))
    assert said is not None
    assert (said.retry, said.group, said.complete) == (True, GROUPS["P-256"], True)


def test_a_share_of_a_group_that_nobody_can_make_stays_as_it_is() -> None:
    hello = only(KeyShare(group=BRAINPOOL, key=b"as it came"))

    assert fresh(hello).key_shares == (KeyShare(group=BRAINPOOL, key=b"as it came"),)


def only(share: KeyShare, *groups: int) -> ClientHello:
    """What curl says, with one key share and without other groups."""
    hello = decoded(CURL).saying(extension.key_share([share]))
    return hello.saying(extension.number_list(Kind.SUPPORTED_GROUPS, [share.group, *groups]))


@pytest.mark.parametrize(
    ("group", "curve"), [(0x17, ec.SECP256R1()), (0x18, ec.SECP384R1()), (0x19, ec.SECP521R1())]
)
def test_the_key_of_a_curve_is_its_base_point(group: int, curve: ec.EllipticCurve) -> None:
    point = ec.derive_private_key(1, curve).public_key()

    assert public_key(group) == point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@pytest.mark.parametrize(
    ("group", "start", "size", "whole"),
    [(0x11EC, 0, 1152, 1216), (0x11EB, 65, 1152, 1249), (0x11ED, 97, 1536, 1665)],
)
def test_a_key_of_ml_kem_has_coefficients_below_q(
    group: int, start: int, size: int, whole: int
) -> None:
    key = public_key(group, lambda size: b"\xff" * size)

    assert key is not None
    assert len(key) == whole
    bits = int.from_bytes(key[start : start + size], "little")
    assert {bits >> at & 0xFFF for at in range(0, size * 8, 12)} == {0x7FF}  # below 3329


@pytest.mark.parametrize("group", [0x0A0A, 0x1A1A, 0xFAFA])
def test_grease_has_a_key_of_one_byte(group: int) -> None:
    assert public_key(group) == b"\x00"
