import base64
import contextlib
import datetime as dt
import hashlib
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509 as cx509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from certcheck import x509
from certcheck.errors import UnfitBundle
from certcheck.model.certificate import colons
from tests.zoo.der import COUNTRY, PRINTABLE, UTF8, Odd, name

_SAN = cx509.ObjectIdentifier("2.5.29.17")


def made(*, san: bytes | None = None, common_name: str = "mail.example.org") -> bytes:
    """A self-signed certificate; `san` is the raw value of its subjectAltName."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = cx509.Name([cx509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        cx509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2027, 1, 1, tzinfo=dt.UTC))
    )
    if san is not None:
        builder = builder.add_extension(cx509.UnrecognizedExtension(_SAN, san), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def by_openssl(folder: Path, *args: str) -> bytes:
    """A certificate that cryptography would refuse to make."""
    command = ["openssl", "req", "-x509", "-nodes", "-days", "90", "-subj", "/CN=h.example"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), *args]
    subprocess.run(command, check=True, capture_output=True)
    return ssl.PEM_cert_to_DER_cert((folder / "cert.pem").read_text())


def test_a_certificate_reads_as_openssl_shows_it(tmp_path: Path) -> None:
    der = by_openssl(
        tmp_path,
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-addext",
        "subjectAltName=DNS:h.example,DNS:*.h.example,IP:192.0.2.7,IP:2001:db8::1",
    )

    read = x509.certificate(der)

    shown = subprocess.run(
        ["openssl", "x509", "-in", tmp_path / "cert.pem", "-noout", "-fingerprint", "-sha256"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert shown.strip().endswith(f"={colons(read.sha256)}")
    assert read.sha1 == hashlib.sha1(der, usedforsecurity=False).hexdigest()
    assert read.names == ("h.example", "*.h.example", "192.0.2.7", "2001:db8::1")
    assert (read.key, read.key_type) == ("ECDSA P-256", "ecdsa")
    assert read.self_signed
    assert read.title == "h.example"


@pytest.mark.parametrize(
    ("args", "key", "signature"),
    [
        (("-newkey", "rsa:1024", "-sha1"), "RSA 1024", "sha1WithRSAEncryption"),
        (("-newkey", "rsa:512", "-md5"), "RSA 512", "md5WithRSAEncryption"),
        (("-newkey", "ed25519"), "EdDSA Ed25519", "ed25519"),
        (
            ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime192v1", "-sha1"),
            "ECDSA secp192r1",
            "ecdsa-with-SHA1",
        ),
        (
            ("-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"),
            "RSA 2048",
            "rsassaPss",
        ),
    ],
)
def test_a_self_signed_certificate_is_one_whatever_its_age(
    tmp_path: Path, args: tuple[str, ...], key: str, signature: str
) -> None:
    read = x509.certificate(by_openssl(tmp_path, *args))

    assert (read.key, read.signature, read.self_signed) == (key, signature, True)


def test_a_negative_serial_number_is_a_fact_without_a_warning(tmp_path: Path) -> None:
    der = by_openssl(tmp_path, "-newkey", "ed25519", "-set_serial", "-5")

    assert x509.certificate(der).serial == "-5"
    assert x509.chain((tmp_path / "cert.pem").read_bytes(), where="x")[0].serial == "-5"


@pytest.mark.parametrize(
    "san",
    [
        bytes.fromhex("3004a3020500"),  # x400Address
        bytes.fromhex("3004a5020500"),  # ediPartyName
        bytes.fromhex("3084ff"),
        bytes.fromhex("3005820361ff62"),  # a byte that is not ASCII
        bytes.fromhex("3007870531323334") + b"5",  # an IP address of five bytes
    ],
)
def test_unreadable_names_are_no_names(san: bytes) -> None:
    read = x509.certificate(made(san=san))

    assert read.names == ()
    assert not read.is_ca


@pytest.mark.parametrize("broken", [b"\x0c\x07mail\xff\xfeZ", b"\x99\x07mailXYZ"])
def test_a_broken_subject_is_shown_as_unreadable(broken: bytes) -> None:
    der = made(common_name="mailXYZ").replace(b"\x0c\x07mailXYZ", broken)

    read = x509.certificate(der)

    assert (read.subject, read.issuer, read.self_signed) == ("unreadable", "unreadable", False)


def test_an_odd_name_is_read_without_a_warning() -> None:
    # cryptography warns of a country that has not two letters, whenever it reads the name.
    germany = name((UTF8, b"Germany"), kind=COUNTRY)
    der = Odd(subject=germany, issuer=germany).der()

    assert x509.certificate(der).subject == "C=Germany"
    assert x509.issued_by(der, der)


@pytest.mark.parametrize("text", [b"*.example.test", b"a_b", b"a@b"])
def test_a_name_that_is_not_quite_right_is_read(text: bytes) -> None:
    # These are no characters of a PrintableString (X.680 41.4), and found in many.
    subject = name((PRINTABLE, text))
    der = Odd(subject=subject, issuer=subject).der()

    read = x509.certificate(der)

    assert read.subject == read.issuer == f"CN={text.decode()}"
    assert read.sha256 == hashlib.sha256(der).hexdigest()
    assert read.self_signed
    assert hashlib.sha256(x509.public_key(der)).hexdigest() == read.spki_sha256


_GOOD = made(san=bytes.fromhex("300f8207612e622e636f6d8704c0000207"))


# Flip, replace, cut out, put in: what each change does at its place.
_CHANGES = st.one_of(
    st.tuples(st.just(0), st.integers(0, 255).map(lambda value: bytes([value]))),
    st.tuples(st.just(1), st.integers(0, 255).map(lambda value: bytes([value]))),
    st.tuples(st.integers(1, 3), st.just(b"")),
    st.tuples(st.just(0), st.binary(min_size=1, max_size=3)),
)
_LOOSE = Odd(subject=name((PRINTABLE, b"*.example.test"))).der()
_SEEDS = (_GOOD, _LOOSE, Odd(version=None).der(), Odd(key=Ed25519PrivateKey.generate()).der())


@settings(max_examples=500)
@given(st.sampled_from(_SEEDS), st.lists(st.tuples(st.integers(0, 999), _CHANGES), max_size=4))
def test_mutated_certificates_are_read_or_refused(
    seed: bytes, changes: list[tuple[int, tuple[int, bytes]]]
) -> None:
    der = seed
    for place, (cut, put) in changes:
        at = place % len(der)
        der = der[:at] + put + der[at + cut :]

    with contextlib.suppress(ValueError):
        assert x509.certificate(der).sha256 == hashlib.sha256(der).hexdigest()
    with contextlib.suppress(ValueError):
        x509.public_key(der)
    with contextlib.suppress(ValueError):
        x509.issued_by(der, der)


def test_another_key_of_the_same_name_issued_nothing() -> None:
    one, other = made(), made()

    assert x509.issued_by(one, one)
    assert not x509.issued_by(one, other)


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        (b"", "holds no PEM certificate"),
        (b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", "holds no PEM"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "broken"),
        (b"x" * (256 * 1024 + 1), "larger than 256 KiB"),
    ],
)
def test_what_is_no_chain_is_refused(pem: bytes, reason: str) -> None:
    with pytest.raises(UnfitBundle, match=reason):
        x509.chain(pem, where="/etc/ssl/mail.pem")


def test_a_chain_goes_to_pem_and_back() -> None:
    chain = tuple(x509.certificate(made()) for _ in range(3))

    text = x509.pem(chain)

    assert x509.chain(b"# comment\n" + text.replace(b"\n", b"\r\n"), where="x") == chain


@pytest.mark.parametrize("kind", ["ecdsa", "rsa2048"])
def test_a_new_key_matches_only_itself(kind: x509.KeyKind) -> None:
    one, other = x509.new_key(kind), x509.new_key(kind)

    assert x509.key_spki_sha256(one, where="x") == x509.key_spki_sha256(one, where="y")
    assert x509.key_spki_sha256(one, where="x") != x509.key_spki_sha256(other, where="x")


def test_a_key_matches_the_certificate_made_from_it(tmp_path: Path) -> None:
    der = by_openssl(tmp_path, "-newkey", "rsa:2048")

    read = x509.certificate(der)

    key = (tmp_path / "key.pem").read_bytes()
    assert x509.key_spki_sha256(key, where="key.pem") == read.spki_sha256
    assert x509.key_spki_sha256(x509.new_key("ecdsa"), where="x") != read.spki_sha256


def _bad_keys() -> dict[str, bytes]:
    good = x509.new_key("ecdsa")
    body = good.split(b"-----")[2]
    locked = load_pem_private_key(good, password=None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass")
    )
    return {
        "cut": good[: len(good) // 2],
        "flipped": good.replace(body, base64.b64encode(b"\x00" + base64.b64decode(body)[1:])),
        "encrypted": locked,
        "a certificate": ssl.DER_cert_to_PEM_cert(made()).encode(),
        "too large": good + b"\n" * 65536,
        "empty": b"",
    }


@pytest.mark.parametrize("kind", _bad_keys())
def test_a_refused_key_leaves_nothing_of_itself_in_the_error(kind: str) -> None:
    pem = _bad_keys()[kind]

    with pytest.raises(UnfitBundle) as caught:
        x509.key_spki_sha256(pem, where="/etc/ssl/key.pem")

    error = caught.value
    told = f"{error!r} {error.hint} {error.__cause__!r} {error.__suppress_context__}"
    assert "/etc/ssl/key.pem" in told
    assert "None True" in told  # no cause, and no context is shown
    pieces = [line for line in pem.decode().splitlines() if len(line) > 20]
    assert not [piece for piece in pieces if "-----" not in piece and piece in told]


def test_who_is_ready_has_nothing_left_to_load() -> None:
    script = (
        "import sys, threading\n"
        "from certcheck import x509\n"
        "x509.get_ready()\n"
        "ready = set(sys.modules)\n"
        "x509.certificate(sys.stdin.buffer.read())\n"
        "print(*set(sys.modules) - ready)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], input=made(), capture_output=True, check=True
    )

    assert done.stdout == b"\n"
