"""The shapes of servers that real programs connect to: what is served, and by which TLS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from certcheck.lab import pki
from certcheck.lab.plan import DOMAIN

# The names that OpenSSL and Dovecot have for them.
Version = Literal["TLSv1", "TLSv1.2", "TLSv1.3"]
Made = Callable[[pki.Authority, str], pki.Identity]

# Mozilla's "intermediate", as far as certificates of both kinds go.
_INTERMEDIATE = ":".join(
    f"{key_exchange}-{rest}"
    for rest in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key_exchange in ("ECDHE-ECDSA", "ECDHE-RSA")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One server; `served` are keys of IDENTITIES, `suites` a list as OpenSSL takes it.

    `unnamed` is what is served to who names no server.
    """

    id: str
    title: str
    served: tuple[str, ...] = ("rsa",)
    oldest: Version = "TLSv1.2"
    newest: Version = "TLSv1.3"
    suites: str = ""
    servers_order: bool = False
    unnamed: str = ""

    @property
    def host(self) -> str:
        """The name that programs are set to."""
        return f"{self.id}.{DOMAIN}"


def _issued(key: pki.KeyKind, **more: float) -> Made:
    def made(authority: pki.Authority, host: str) -> pki.Identity:
        return authority.issue(pki.Shape(names=(host,), key=key, **more))  # type: ignore[arg-type]

    return made


def _sha1(authority: pki.Authority, host: str) -> pki.Identity:
    return authority.issue(pki.Shape(names=(host,), key="rsa2048", signature="sha1"))


def _self_signed(_authority: pki.Authority, host: str) -> pki.Identity:
    return pki.make(pki.Shape(names=(host,), key="rsa2048"))


def _stranger(_authority: pki.Authority, host: str) -> pki.Identity:
    ca = pki.Shape(names=(), common_name="Another CA", key="rsa2048", is_ca=True, ends=3650)
    return pki.make(pki.Shape(names=(host,), key="rsa2048"), issuer=pki.make(ca))


def _alone(authority: pki.Authority, host: str) -> pki.Identity:
    return _issued("rsa2048")(authority, host).without_intermediates()


IDENTITIES: Mapping[str, Made] = {
    "rsa": _issued("rsa2048"),
    "enciphers": _issued("rsa2048", enciphers=True),
    "ecdsa": _issued("ecdsa"),
    "p384": _issued("p384"),
    "p521": _issued("p521"),
    "rsa1024": _issued("rsa1024"),
    "sha1": _sha1,
    "expired": _issued("rsa2048", starts=-100, ends=-1),
    "not-yet-valid": _issued("rsa2048", starts=1, ends=100),
    "wrong-name": lambda authority, _host: _issued("rsa2048")(authority, f"www.other.{DOMAIN}"),
    "self-signed": _self_signed,
    "stranger": _stranger,
    "alone": _alone,
}

SHAPES = (
    Shape(
        id="modern",
        title="TLS 1.2 and 1.3, RSA and ECDSA, Mozilla's intermediate suites",
        served=("rsa", "ecdsa"),
        suites=_INTERMEDIATE,
    ),
    Shape(id="dual", title="RSA and ECDSA, the suites that are usual", served=("rsa", "ecdsa")),
    Shape(
        id="wide",
        title="TLS 1.0 to 1.3, all suites",
        served=("rsa", "ecdsa"),
        oldest="TLSv1",
        suites="ALL",
    ),
    Shape(
        id="ordered",
        title="the server's order of suites",
        served=("rsa", "ecdsa"),
        suites="ECDHE+AES128:ECDHE+AES256:RSA+AES",
        servers_order=True,
    ),
    Shape(id="tls13", title="TLS 1.3 only", served=("rsa", "ecdsa"), oldest="TLSv1.3"),
    Shape(id="tls12-rsa", title="TLS 1.2 only, RSA", newest="TLSv1.2"),
    Shape(id="tls12-ecdsa", title="TLS 1.2 only, ECDSA", newest="TLSv1.2", served=("ecdsa",)),
    Shape(
        id="tls12-static",
        title="TLS 1.2 only, key exchange by RSA",
        newest="TLSv1.2",
        served=("enciphers",),
        suites="kRSA+AES",
    ),
    Shape(
        id="tls12-unfit",
        title="the same with a certificate whose key usage does not allow it",
        newest="TLSv1.2",
        suites="kRSA+AES",
    ),
    Shape(id="tls10", title="TLS 1.0 only", oldest="TLSv1", newest="TLSv1", suites="ALL"),
    Shape(id="rsa", title="RSA only"),
    Shape(id="ecdsa", title="ECDSA only, P-256", served=("ecdsa",)),
    Shape(id="p384", title="ECDSA only, P-384", served=("p384",)),
    Shape(id="p521", title="ECDSA only, P-521", served=("p521",)),
    Shape(id="self-signed", title="a self-signed certificate", served=("self-signed",)),
    Shape(id="stranger", title="a certificate of a CA that nobody trusts", served=("stranger",)),
    Shape(id="wrong-name", title="a certificate of another name", served=("wrong-name",)),
    Shape(id="expired", title="an expired certificate", served=("expired",)),
    Shape(id="not-yet-valid", title="a certificate of tomorrow", served=("not-yet-valid",)),
    Shape(
        id="by-name",
        title="the right certificate for who names the server (SNI), else another one",
        unnamed="wrong-name",
    ),
    Shape(id="alone", title="no intermediate is served", served=("alone",)),
    Shape(id="rsa1024", title="an RSA key of 1024 bits", served=("rsa1024",)),
    Shape(id="sha1", title="a signature by SHA-1", served=("sha1",)),
)
