import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certcheck.errors import Obstacle
from certcheck.lab import pki
from certcheck.x509 import certificate, chain, key_spki_sha256


def openssl(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        ["openssl", *arguments], cwd=cwd, capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout + done.stderr


def text_of(identity: pki.Identity, folder: Path) -> str:
    (folder / "it.pem").write_bytes(identity.certificate)
    return openssl("x509", "-in", "it.pem", "-noout", "-text", cwd=folder)


def verified(identity: pki.Identity, root: pki.Identity, folder: Path, *more: str) -> str:
    (folder / "root.pem").write_bytes(root.certificate)
    (folder / "leaf.pem").write_bytes(identity.certificate)
    (folder / "rest.pem").write_bytes(identity.intermediates or identity.certificate)
    trust = ("-CAfile", "root.pem", "-untrusted", "rest.pem", "-purpose", "sslserver")
    return openssl("verify", *trust, *more, "leaf.pem", cwd=folder)


@pytest.fixture(scope="module")
def ca() -> pki.Authority:
    return pki.authority()


def test_a_good_leaf_verifies_for_its_name(ca: pki.Authority, tmp_path: Path) -> None:
    leaf = ca.issue(pki.GOOD)

    said = verified(
        leaf, ca.root, tmp_path, "-verify_hostname", "mail.example.test", "-x509_strict"
    )

    assert said == "leaf.pem: OK\n"


def test_the_chain_is_leaf_first_and_without_the_root(ca: pki.Authority) -> None:
    leaf = ca.issue(pki.GOOD)

    found = chain(leaf.chain, where="leaf")

    assert [each.subject for each in found] == ["CN=mail.example.test", "CN=Lab intermediate"]


def test_the_key_belongs_to_the_certificate(ca: pki.Authority) -> None:
    leaf = ca.issue(pki.GOOD)

    key = key_spki_sha256(leaf.key, where="key")

    assert key == chain(leaf.chain, where="leaf")[0].spki_sha256


def test_a_key_can_be_used_again(ca: pki.Authority) -> None:
    first = ca.issue(pki.GOOD)

    second = pki.make(pki.GOOD, issuer=ca.intermediate, key=first.key)

    assert second.key == first.key
    assert second.certificate != first.certificate
    assert key_spki_sha256(first.key, where="key") == chain(second.chain, where="x")[0].spki_sha256


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        (pki.EXPIRED, "certificate has expired"),
        (pki.NOT_YET_VALID, "certificate is not yet valid"),
        (pki.WRONG_NAME, "hostname mismatch"),
    ],
)
def test_openssl_refuses_a_bad_shape(
    ca: pki.Authority, shape: pki.Shape, complaint: str, tmp_path: Path
) -> None:
    leaf = ca.issue(shape)

    said = verified(leaf, ca.root, tmp_path, "-verify_hostname", "mail.example.test")

    assert complaint in said


def test_a_forgotten_intermediate_breaks_the_chain(ca: pki.Authority, tmp_path: Path) -> None:
    leaf = ca.issue(pki.GOOD).without_intermediates()

    said = verified(leaf, ca.root, tmp_path)

    assert leaf.chain == leaf.certificate
    assert "unable to get local issuer certificate" in said


def test_a_certificate_without_issuer_signs_itself(tmp_path: Path) -> None:
    alone = pki.make(pki.GOOD)

    said = verified(alone, alone, tmp_path)

    assert said == "leaf.pem: OK\n"
    assert chain(alone.chain, where="alone")[0].self_signed
    assert alone.chain == alone.certificate


def test_cn_only_has_no_alternative_names(ca: pki.Authority, tmp_path: Path) -> None:
    said = text_of(ca.issue(pki.CN_ONLY), tmp_path)

    assert "CN = mail.example.test" in said
    assert "Subject Alternative Name" not in said


def test_an_ip_address_among_the_names_becomes_one(ca: pki.Authority, tmp_path: Path) -> None:
    said = text_of(ca.issue(pki.Shape(names=("localhost", "127.0.0.1"))), tmp_path)

    assert "DNS:localhost, IP Address:127.0.0.1" in said


def test_an_rsa_1024_key_is_made(ca: pki.Authority, tmp_path: Path) -> None:
    said = text_of(ca.issue(pki.RSA_1024), tmp_path)

    assert "Public-Key: (1024 bit)" in said


def test_a_384_bit_hash_signs(ca: pki.Authority, tmp_path: Path) -> None:
    said = text_of(ca.issue(pki.Shape(signature="sha384")), tmp_path)

    assert "Signature Algorithm: ecdsa-with-SHA384" in said


@pytest.mark.parametrize(
    ("shape", "algorithm"),
    [(pki.SHA_1, "sha1WithRSAEncryption"), (pki.MD5, "md5WithRSAEncryption")],
)
def test_a_weak_signature_verifies_under_its_issuer(
    shape: pki.Shape, algorithm: str, tmp_path: Path
) -> None:
    ca = pki.authority(key="rsa2048")
    leaf = ca.issue(shape)

    said = text_of(leaf, tmp_path)

    assert f"Signature Algorithm: {algorithm}" in said
    level = ("-auth_level", "0")
    assert verified(leaf, ca.root, tmp_path, *level) == "leaf.pem: OK\n"


def test_a_weak_self_signed_keeps_its_dates_and_names() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    old = pki.make(pki.Shape(names=("old.test",), key="rsa1024", signature="sha1"), now=now)

    found = chain(old.chain, where="old")[0]

    assert found.names == ("old.test",)
    assert found.self_signed
    assert found.signature == "sha1WithRSAEncryption"
    assert found.not_after == now + timedelta(days=90)


def test_keys_stay_out_of_the_representation(ca: pki.Authority) -> None:
    assert b"PRIVATE" in ca.root.key
    assert "PRIVATE" not in repr(ca)


def test_certificates_parse_as_ours(ca: pki.Authority) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    der = x509.load_pem_x509_certificate(ca.root.certificate).public_bytes(Encoding.DER)

    assert certificate(der).is_ca


def test_a_key_of_another_kind_is_a_bug() -> None:
    with pytest.raises(TypeError, match="EC and RSA"):
        pki.private_key(pki._openssl(Path("/"), "genpkey", "-algorithm", "ed25519"))


def test_openssl_says_why_it_refuses(tmp_path: Path) -> None:
    with pytest.raises(Obstacle, match=r"openssl x509: .*no-such"):
        pki._openssl(tmp_path, "x509", "-in", "no-such")
