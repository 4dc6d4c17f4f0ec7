"""`certcheck bundles`: what is kept, what comes in, and what is refused at the door."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from certcheck import x509
from certcheck.lab import pki
from tests.conftest import Certcheck, Ended
from tests.making import CA

NAMES = ("mail.example.test", "imap.example.test")
GOOD = CA.issue(pki.Shape(names=NAMES))
RSA = CA.issue(pki.Shape(names=NAMES, key="rsa2048"))

Import = Callable[..., Ended]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "certcheck.toml"
    path.write_text(
        '[site]\nstate = "state"\n[[bundle]]\nname = "mail"\n'
        f'names = ["{NAMES[0]}", "{NAMES[1]}"]\n'
    )
    return path


@pytest.fixture
def imported(certcheck: Certcheck, site: Path, tmp_path: Path) -> Import:
    """Imports pairs of texts as `mail`, or as another bundle."""

    def run(*pairs: tuple[bytes, bytes], bundle: str = "mail") -> Ended:
        options: list[str | Path] = []
        for number, (chain, key) in enumerate(pairs):
            (chain_file := tmp_path / f"chain-{number}").write_bytes(chain)
            (key_file := tmp_path / f"key-{number}").write_bytes(key)
            options += ["--chain", chain_file, "--key", key_file]
        return certcheck("bundles", "import", bundle, "-c", site, "--json", *options)

    return run


def test_an_empty_store_lists_nothing(certcheck: Certcheck, site: Path) -> None:
    done = certcheck("bundles", "list", "-c", site)

    assert done.code == 0
    assert done.stdout == "no bundle is kept yet\n"
    assert not (site.parent / "state").exists()


def test_what_comes_in_is_listed_shown_and_goes_out(
    certcheck: Certcheck, site: Path, imported: Import, tmp_path: Path
) -> None:
    assert imported((GOOD.chain, GOOD.key)).document["bundle"] == "mail/1"
    both = imported((GOOD.chain, GOOD.key), (RSA.chain, RSA.key))
    assert both.document["bundle"] == "mail/2"

    listed = certcheck("bundles", "list", "-c", site, "--json").document["rows"]
    shown = certcheck("bundles", "show", "mail", "-c", site, "--json").document
    out = certcheck("bundles", "export", "mail/2", "-c", site, "-o", tmp_path / "out", "--json")

    assert [row["bundle"] for row in listed] == ["mail/2", "mail/1"]
    assert [row["keys"] for row in listed] == [["ECDSA P-256", "RSA 2048"], ["ECDSA P-256"]]
    assert shown["bundle"] == "mail/2"
    leaf = x509.chain(RSA.certificate, where="leaf")[0]
    (row,) = [row for row in shown["rows"] if row["key"] == "RSA 2048"]
    assert (row["sha256"], row["tlsa"]) == (leaf.sha256, f"3 1 1 {leaf.spki_sha256}")
    assert row["authority"] == "imported"
    assert out.code == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        "key-ecdsa.pem": GOOD.key,
        "chain-ecdsa.pem": GOOD.chain,
        "key-rsa.pem": RSA.key,
        "chain-rsa.pem": RSA.chain,
    }
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()} == {0o600}


def test_nothing_is_overwritten_by_an_export(
    certcheck: Certcheck, site: Path, imported: Import, tmp_path: Path
) -> None:
    imported((GOOD.chain, GOOD.key))
    (tmp_path / "chain-ecdsa.pem").write_bytes(b"mine")

    refused = certcheck("bundles", "export", "mail", "-c", site, "-o", tmp_path)

    assert refused.code == 3
    assert "chain-ecdsa.pem exists, nothing was written" in refused.complaint
    assert (tmp_path / "chain-ecdsa.pem").read_bytes() == b"mine"
    assert not (tmp_path / "key-ecdsa.pem").exists()


def test_the_same_certificate_again_makes_no_new_generation(imported: Import) -> None:
    first = imported((GOOD.chain, GOOD.key))
    again = imported((GOOD.chain, GOOD.key))

    assert (first.code, again.code) == (0, 0)
    assert again.document["bundle"] == "mail/1"
    assert "stored as mail/1 already" in again.stderr


def test_key_and_chain_may_stand_in_one_file(imported: Import) -> None:
    assert imported((GOOD.key_first, GOOD.chain + GOOD.key)).code == 0


def encrypted(key: bytes) -> bytes:
    return load_pem_private_key(key, password=None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )


@pytest.mark.parametrize(
    ("chain", "key", "words"),
    [
        (b"garbage", GOOD.key, "chain-0 holds no PEM certificate"),
        (b"", GOOD.key, "chain-0 holds no PEM certificate"),
        (GOOD.chain.replace(b"M", b"!", 9), GOOD.key, "chain-0 holds a broken certificate"),
        (GOOD.chain + b"\n" * 300_000, GOOD.key, "chain-0 is larger than 256 KiB"),
        (GOOD.chain, b"", "key-0 holds no private key in PEM"),
        (GOOD.chain, GOOD.chain, "key-0 holds no private key in PEM"),
        (GOOD.chain, GOOD.key + RSA.key, "key-0 holds 2 private keys"),
        (GOOD.chain, encrypted(GOOD.key), "the private key in"),
        (
            GOOD.chain,
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "is not a private key that can be read",
        ),
    ],
)
def test_files_that_cannot_be_read_are_bad_input(
    imported: Import, chain: bytes, key: bytes, words: str
) -> None:
    refused = imported((chain, key))

    assert refused.code == 2
    assert words in refused.complaint
    assert not any(line in refused.complaint for line in GOOD.key.decode().split("\n") if line)


@pytest.mark.parametrize(
    ("chain", "key", "words"),
    [
        (GOOD.chain, RSA.key, "the key does not match"),
        (GOOD.certificate, GOOD.key, "the intermediate certificate CN=Lab intermediate is missing"),
        (GOOD.intermediates + GOOD.certificate, GOOD.key, "is a CA certificate"),
        (CA.issue(pki.Shape(names=NAMES, starts=-9, ends=-1)), None, "expired on"),
        (CA.issue(pki.Shape(names=NAMES, starts=2)), None, "is valid only from"),
        (CA.issue(pki.Shape(names=NAMES[:1])), None, "does not name imap.example.test"),
    ],
)
def test_what_must_not_reach_a_server_is_not_kept(
    imported: Import, site: Path, chain: bytes | pki.Identity, key: bytes | None, words: str
) -> None:
    pair = (chain.chain, chain.key) if isinstance(chain, pki.Identity) else (chain, key or b"")

    refused = imported(pair)

    assert refused.code == 3
    assert words in refused.complaint
    assert list(site.parent.glob("state/bundles/*/*")) == []


def test_another_bundle_takes_the_names_of_its_certificate(imported: Import) -> None:
    other = CA.issue(pki.Shape(names=("shop.example.test",)))

    done = imported((other.chain, other.key), bundle="shop")

    assert done.code == 0
    assert done.document["rows"][0]["names"] == ["shop.example.test"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "mail/3", "--chain", "c", "--key", "k"), "names a generation"),
        (("import", "../x", "--chain", "c", "--key", "k"), "names no bundle"),
        (("import", "mail", "--chain", "c", "--chain", "c", "--key", "k"), "do not pair up"),
        (("import", "mail", "--chain", "gone", "--key", "k"), "cannot read gone"),
        (("show", "mail/x"), "names no bundle"),
    ],
)
def test_a_bad_call_is_told(
    certcheck: Certcheck, site: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "c").write_bytes(GOOD.chain)
    (tmp_path / "k").write_bytes(GOOD.key)

    refused = certcheck("bundles", *arguments, "-c", site)

    assert refused.code == 2
    assert words in refused.complaint


def test_two_certificates_of_one_key_type_are_no_generation(imported: Import) -> None:
    refused = imported((GOOD.chain, GOOD.key), (GOOD.chain, GOOD.key))

    assert refused.code == 2
    assert "one certificate for each type of key, these are ecdsa, ecdsa" in refused.complaint


@pytest.mark.parametrize("command", [("show", "mail"), ("export", "mail", "-o", "out")])
def test_what_is_not_kept_is_told(
    certcheck: Certcheck, site: Path, command: tuple[str, ...]
) -> None:
    refused = certcheck("bundles", *command, "-c", site)

    assert refused.code == 3
    assert "bundle 'mail' has no generation" in refused.complaint


@pytest.mark.parametrize("command", [("list",), ("show", "mail"), ("export", "mail", "-o", "out")])
def test_a_store_of_a_newer_version_is_refused_by_name(
    certcheck: Certcheck, site: Path, imported: Import, command: tuple[str, ...]
) -> None:
    imported((GOOD.chain, GOOD.key))
    (site.parent / "state" / "format").write_text("7\n")

    refused = certcheck("bundles", *command, "-c", site)

    assert refused.code == 3
    assert "has format '7', this certcheck knows 1" in refused.complaint
    assert imported((GOOD.chain, GOOD.key)).code == 3
