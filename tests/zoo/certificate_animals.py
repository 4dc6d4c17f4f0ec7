"""Animals that serve odd certificates; all of them speak IMAP inside TLS from the start."""

import functools
import ssl
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import dh, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from certcheck.lab import pki
from certcheck.model.observation import Reason, TlsVersion
from tests.zoo import der, records
from tests.zoo.animals import ESC, MODERN, Animal, animal, answers_hello
from tests.zoo.der import BMP, DNS, EMAIL, PRINTABLE, TELETEX, URI, UTF8, Odd
from tests.zoo.identities import serving
from tests.zoo.keeper import Behaviour
from tests.zoo.manners import implicit
from tests.zoo.once import once

_LOUD = ESC + b"\r\nSubject: x\0\x07\xc2\x9b31m"
_HTML = b"<script>alert(1)</script>&amp;[link](http://evil.example)"
_GERMANY = der.name((UTF8, b"Germany"), kind=der.COUNTRY)
_OLD: tuple[TlsVersion, ...] = ("TLSv1.2",)
Pem = Callable[[], bytes]


def _serves(name: str, pem: Pem, *, versions: tuple[TlsVersion, ...] = MODERN) -> Animal:
    newest: TlsVersion = versions[-1]
    return animal(name, "imaps", _implicit(pem, newest), versions=versions)


def _fails(name: str, pem: Pem, reason: Reason, newest: TlsVersion = "TLSv1.3") -> Animal:
    return animal(name, "imaps", _implicit(pem, newest), reason)


def _implicit(pem: Pem, newest: TlsVersion) -> Behaviour:
    return implicit("imap", tls=functools.partial(_context, pem, newest))


def _pem_of(odd: Odd) -> Pem:
    return lambda: odd.key_pem + _pem(odd.der())


def _odd(name: str, odd: Odd) -> Animal:
    return _serves(name, _pem_of(odd))


def _made(name: str, shape: pki.Shape) -> Animal:
    return _serves(name, lambda: pki.make(shape).key_first)


def _junk(name: str, *ders: bytes, reason: Reason = "handshake_failed") -> Animal:
    """A Certificate message of TLS 1.2 that no library would send."""
    answer = records.server_hello() + records.certificates(ders) + records.DONE
    return animal(name, "imaps", answers_hello(answer), reason)


@once
def _context(pem: Pem, newest: TlsVersion) -> ssl.SSLContext:
    return serving(pem(), newest=newest)


def _pem(*ders: bytes) -> bytes:
    return "".join(map(ssl.DER_cert_to_PEM_cert, ders)).encode()


@once
def _of_100() -> bytes:
    authority = pki.authority()
    extra = (pki.make(pki.Shape(names=(f"{n}.example.test",))).certificate for n in range(97))
    return b"".join((authority.issue(pki.Shape()).key_first, authority.root.certificate, *extra))


@once
def _with_10_000_names() -> bytes:
    odd = Odd(names=[(DNS, f"{n:x}.a".encode()) for n in range(10_000)])
    return odd.key_pem + _pem(odd.der())


@once
def _with_10_000_long_names() -> bytes:
    odd = Odd(names=[(DNS, f"{n}.customer.example.test".encode()) for n in range(10_000)])
    return odd.key_pem + _pem(odd.der())


@once
def _of_2_mib() -> bytes:
    odd = Odd(names=[(DNS, b"x" * 60_000 + str(n).encode()) for n in range(16)])
    return odd.key_pem + _pem(odd.der()) * 2


def _rsa(bits: int) -> Pem:
    size = f"rsa_keygen_bits:{bits}"
    return lambda: _self_signed(_openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", size))


def _of_8192_bits() -> bytes:
    # Two primes that everybody knows (RFC 7919 A.3, RFC 3526 5): new ones would take minutes.
    p, q = map(_prime, ("ffdhe4096", "modp_4096"))
    d = pow(65537, -1, (p - 1) * (q - 1))
    key = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, p),
        dmq1=rsa.rsa_crt_dmq1(d, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(65537, p * q),
    ).private_key(unsafe_skip_rsa_key_validation=True)
    return _self_signed(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _prime(group: str) -> int:
    made = _openssl("genpkey", "-algorithm", "DH", "-pkeyopt", f"group:{group}")
    key = load_pem_private_key(made, None)
    assert isinstance(key, dh.DHPrivateKey)
    return key.parameters().parameter_numbers().p


def _self_signed(key: bytes) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(key)
        subject = ("-subj", "/CN=mail.example.test")
        return key + _openssl("req", "-x509", "-new", "-key", file.name, "-days", "90", *subject)


def _openssl(*arguments: str) -> bytes:
    return subprocess.run(
        ["openssl", *arguments], capture_output=True, check=True, timeout=60
    ).stdout


SEEN: tuple[Animal, ...] = (
    _odd("negative serial", Odd(serial=b"\x85")),
    _odd("serial 0", Odd(serial=b"\0")),
    _odd("serial of 40 bytes", Odd(serial=b"\x7f" * 40)),
    _odd("no subject", Odd(subject=der.name(), issuer=der.name())),
    _odd("loud subject", Odd(subject=der.name((UTF8, _LOUD), (UTF8, _HTML)))),
    _odd("loud issuer", Odd(issuer=der.name((UTF8, _LOUD)))),
    _odd("loud names", Odd(names=[(DNS, _LOUD), (DNS, _HTML), (DNS, ESC), (EMAIL, _LOUD),
                                  (URI, _LOUD)])),
    _odd("a name in markup", Odd(names=[(DNS, _HTML), (DNS, b"[bold]x[/bold]"), (DNS, b":bug:")])),
    _odd("names that are not ASCII", Odd(names=[(DNS, "mäil.example.test".encode())])),
    _odd("an address of 5 bytes", Odd(names=[(0x87, b"12345")])),
    _odd("an empty name", Odd(names=[(DNS, b"")])),
    _odd("a TeletexString", Odd(subject=der.name((TELETEX, b"caf\xe9")))),
    _odd("a country of seven letters", Odd(subject=_GERMANY, issuer=_GERMANY)),
    # `*`, `_` and `@` are no characters of a PrintableString, and often in one.
    _odd("a wildcard in a PrintableString",
         Odd(subject=der.name((PRINTABLE, b"*.zoo_1.example.test")))),
    _odd("a PrintableString that does not print",
         Odd(subject=der.name((PRINTABLE, _LOUD)))),
    _odd("a subject of 4 KiB", Odd(subject=der.name((UTF8, b"x" * 4096)))),
    _odd("a name of 4 KiB", Odd(names=[(DNS, b"x" * 4096)])),
    _odd("version 1", Odd(version=None)),
    _odd("ends before it begins",
         Odd(dates=(b"\x17\x0d351231000000Z", b"\x17\x0d250101000000Z"))),
    _odd("ends in the year 9999",
         Odd(dates=(b"\x18\x0f00010101000000Z", b"\x18\x0f99991231235959Z"))),
    _odd("Ed25519", Odd(key=ed25519.Ed25519PrivateKey.generate())),
    _odd("a self-signed CA", Odd(is_ca=True)),
    _made("expired", pki.EXPIRED),
    _made("not yet valid", pki.NOT_YET_VALID),
    _made("names in the common name only", pki.CN_ONLY),
    _made("RSA 1024", pki.RSA_1024),
    _serves("RSA 512", _rsa(512), versions=_OLD),
    _serves("RSA 8192", _of_8192_bits),
    _serves("100 certificates", _of_100),
    _serves("10,000 names", _with_10_000_names),
)  # fmt: skip

BROKEN: tuple[Animal, ...] = (
    # OpenSSL, and so most mail programs, take no more than 100 KiB; that says nothing of the rest.
    _fails("10,000 long names", _with_10_000_long_names, "oversized"),
    _fails("2 MiB of certificates", _of_2_mib, "oversized"),
    _fails("2 MiB of certificates in TLS 1.2", _of_2_mib, "oversized", "TLSv1.2"),
    # OpenSSL takes this one; what reads certificates here does not, so nothing is known of it.
    _fails("version 7", _pem_of(Odd(version=6)), "handshake_failed"),
    _junk("garbage for a certificate", b"\xde\xad\xbe\xef" * 50),
    _junk("an empty certificate", b""),
    _junk("invalid UTF-8 in the subject", Odd(subject=der.name((UTF8, b"\xff\xfe\x80"))).der()),
    _junk("half a BMPString", Odd(subject=der.name((BMP, b"\0a\0"))).der()),
    _junk("a serial number with a byte too many", Odd(serial=b"\xff\x85").der()),
    _junk("names twice", Odd(more_extensions=der.extension_twice()).der()),
    _junk("half a certificate", Odd().der()[:200]),
    _junk("bytes behind a certificate", Odd().der() + b"zoo"),
    _junk("text for a certificate", b"-----BEGIN CERTIFICATE-----\n"),
    _junk("a certificate of zeros", bytes(1000)),
    _junk("a length beyond all bounds", b"\x30\x84\xff\xff\xff\xff" + bytes(100)),
    _junk("nested without end", b"\x30\x80" * 2000),
    _junk("16 MiB of zeros", bytes(0xFFFFF0), reason="oversized"),
)  # fmt: skip

CERTIFICATE_ANIMALS = (*SEEN, *BROKEN)
