"""What tests of several rooms make: generations of bundles, and a process with another umask."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from certcheck import x509
from certcheck.lab import pki
from certcheck.lab.pki import KeyKind
from certcheck.model.bundle import Generation, Pair

CA = pki.authority()


def generation(bundle: str, *names: str, keys: tuple[KeyKind, ...] = ("ecdsa",)) -> Generation:
    """The first generation of a bundle, as a certificate authority would have issued it."""
    return Generation(
        bundle=bundle,
        number=1,
        names=names,
        authority="https://ca.example/dir",
        created=datetime(2026, 11, 25, 8, 0, tzinfo=UTC),
        pairs=tuple(_pair(pki.Shape(names=names, key=key)) for key in keys),
    )


def _pair(shape: pki.Shape) -> Pair:
    made = CA.issue(shape)
    return Pair(
        key_pem=made.key,
        chain=x509.chain(made.chain, where="made"),
        order_url=f"https://ca.example/order/{shape.key}",
    )


def one_file(generation: Generation) -> bytes:
    """The generation as Postfix takes it: each key before its chain."""
    return b"".join(pair.key_pem + x509.pem(pair.chain) for pair in generation.pairs)


@contextmanager
def umask(value: int) -> Iterator[None]:
    """The process with this umask, for a while."""
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)
