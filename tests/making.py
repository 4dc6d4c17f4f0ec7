"""What tests of several rooms make: generations of bundles, and a process with another umask."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from certcheck import x509
from certcheck.lab import pki
from certcheck.model.bundle import Generation

CA = pki.authority()


def generation(bundle: str, *names: str) -> Generation:
    """The first generation of a bundle, as a certificate authority would have issued it."""
    made = CA.issue(pki.Shape(names=names))
    return Generation(
        bundle=bundle,
        number=1,
        names=names,
        key_kind="ecdsa",
        directory="https://ca.example/dir",
        order_url="https://ca.example/order/1",
        created=datetime(2026, 11, 25, 8, 0, tzinfo=UTC),
        chain=x509.chain(made.chain, where="made"),
        key_pem=made.key,
    )


@contextmanager
def umask(value: int) -> Iterator[None]:
    """The process with this umask, for a while."""
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)
