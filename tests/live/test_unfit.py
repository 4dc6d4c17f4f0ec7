"""Whatever stands in the store: what would break a server never reaches one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from certcheck.lab import Lab, pki
from certcheck.lab.plan import BUNDLE
from tests.conftest import Certcheck
from tests.live.hosting import files, served
from tests.making import CA

GOOD = CA.issue(pki.Shape(names=BUNDLE))
RSA = CA.issue(pki.Shape(names=BUNDLE, key="rsa2048"))

Content = tuple[bytes, bytes]


def identity(**shape: object) -> Content:
    made = CA.issue(pki.Shape(**{"names": BUNDLE, **shape}))  # type: ignore[arg-type]
    return made.chain, made.key


FAULTS: dict[str, tuple[Callable[[], Content], str]] = {
    "another key": (lambda: (GOOD.chain, identity()[1]), "the key does not match"),
    "another key type": (lambda: (GOOD.chain, RSA.key), "the key does not match"),
    "garbage for a key": (lambda: (GOOD.chain, b"garbage"), "is not a private key"),
    "an empty key": (lambda: (GOOD.chain, b""), "is not a private key"),
    "garbage for a chain": (lambda: (b"garbage", GOOD.key), "holds no PEM certificate"),
    "an empty chain": (lambda: (b"", GOOD.key), "holds no PEM certificate"),
    "the wrong order": (
        lambda: (GOOD.intermediates + GOOD.certificate, GOOD.key),
        "is a CA certificate",
    ),
    "the leaf alone": (lambda: (GOOD.certificate, GOOD.key), "Lab intermediate is missing"),
    "expired": (lambda: identity(starts=-9, ends=-1), "expired on"),
    "not yet valid": (lambda: identity(starts=2), "is valid only from"),
    "other names": (lambda: identity(names=("other.test",)), "does not name mail.example.test"),
}


@pytest.fixture
def kept(issued: Lab) -> Iterator[Path]:
    """The newest generation's folder, whose files come back after the test."""
    folder = max(issued.path.glob("state/bundles/mail/*"), key=lambda path: int(path.name))
    right = {path: path.read_bytes() for path in folder.iterdir()}
    yield folder
    for path, data in right.items():
        path.write_bytes(data)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_unfit_generation_never_reaches_a_server(
    issued: Lab, kept: Path, certcheck: Certcheck, fault: str
) -> None:
    make, words = FAULTS[fault]
    chain, key = make()
    (kept / "chain-ecdsa.pem").write_bytes(chain)
    (kept / "key-ecdsa.pem").write_bytes(key)
    before, old = files(issued), served(issued)

    refused = certcheck("install", "-c", issued.config)

    assert refused.code == 3
    assert words in refused.complaint
    assert files(issued) == before
    assert served(issued) == old
    assert list(issued.path.glob("state/journal/*-install")) == []
