"""What real programs refuse beside trust, name and dates: old hashes, and keys used otherwise."""

from dataclasses import replace
from datetime import UTC, datetime

from certcheck import x509
from certcheck.judge.negotiation import NoSession, Session, negotiated
from certcheck.judge.prediction import Known, predicted, served_to
from certcheck.judge.profiles import clients
from certcheck.lab import pki
from certcheck.model.client import Store
from certcheck.model.observation import Deployment, Observation

_NOW = datetime.now(UTC)
_AUTHORITY = pki.authority(key="rsa2048")
_ROOT = x509.chain(_AUTHORITY.root.certificate, where="root")[0]
_STORE = Store(id="debian-12", name="Debian 12", at=_NOW.date(), source="lab", roots=(_ROOT,))
_KNOWN = Known(stores={"debian-12": _STORE}, now=_NOW)
_HOST = "mail.example.test"


def _seen(shape: pki.Shape, *, suites: tuple[str, ...]) -> Observation:
    chain = x509.chain(_AUTHORITY.issue(shape).chain, where="lab")
    return Observation(
        id="o1",
        endpoint=f"imaps://{_HOST}:993",
        tls_mode="implicit",
        address="127.0.0.1",
        server_name=_HOST,
        at=_NOW,
        outcome="seen",
        protocols=("TLSv1.2",),
        cipher_suites={"TLSv1.2": suites},
        groups=("X25519", "secp256r1"),
        preference="client",
        deployments=(Deployment(key_type="rsa", server_name=_HOST, chain=chain),),
    )


_FORWARD = ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",)
_STATIC = ("TLS_RSA_WITH_AES_128_GCM_SHA256",)


def test_a_signature_by_sha_1_locks_out_who_no_longer_takes_it() -> None:
    old = _seen(pki.Shape(key="rsa2048", signature="sha1"), suites=_FORWARD)
    new = _seen(pki.Shape(key="rsa2048"), suites=_FORWARD)

    curl = clients()["curl-7.88"]

    assert predicted(curl, old, _HOST, _KNOWN).result == "locked_out"
    assert "SHA-1" in predicted(curl, old, _HOST, _KNOWN).reason
    assert predicted(curl, new, _HOST, _KNOWN).result == "connects"


def test_gnutls_wants_a_key_usage_that_fits_key_exchange_by_rsa_and_openssl_does_not() -> None:
    unfit = _seen(pki.Shape(key="rsa2048"), suites=_STATIC)
    fit = _seen(pki.Shape(key="rsa2048", enciphers=True), suites=_STATIC)

    def result(client: str, seen: Observation) -> str:
        return predicted(clients()[client], seen, _HOST, _KNOWN).result

    assert result("gnutls-cli-3.7", unfit) == "locked_out"
    assert result("gnutls-cli-3.7", fit) == "connects"
    assert result("curl-7.88", unfit) == "connects"


def test_a_usage_that_does_not_fit_is_no_matter_for_other_suites() -> None:
    both = _seen(pki.Shape(key="rsa2048"), suites=_STATIC + _FORWARD)
    stack = clients()["gnutls-cli-3.7"].stack
    assert stack is not None

    sure = negotiated(stack, both, served_to(stack, both, _HOST))
    server_decides = replace(both, preference="server")
    open_ = negotiated(stack, server_decides, served_to(stack, both, _HOST))

    assert isinstance(sure, Session)
    assert sure.suite in _FORWARD
    assert not isinstance(open_, NoSession)
