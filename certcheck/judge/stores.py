"""The lists of roots that platforms trust, each as of a date."""

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path

from certcheck import x509
from certcheck.model.certificate import Certificate
from certcheck.model.client import Store

_DATA = Path(__file__).with_name("data")


@functools.cache
def stores() -> Mapping[str, Store]:
    """All of them by id; one that is not among them has contents that nobody knows."""
    certificates = {each.sha256: each for each in _certificates()}
    roots = tomllib.loads((_DATA / "roots.toml").read_text())["root"]

    def those(key: str, store: str) -> tuple[Certificate, ...]:
        return tuple(certificates[r["sha256"]] for r in roots if store in r.get(key, ()))

    return {
        each["id"]: Store(
            **each, roots=those("stores", each["id"]), unsure=those("unsure", each["id"])
        )
        for each in tomllib.loads((_DATA / "stores.toml").read_text())["store"]
    }


@functools.cache
def cross_signs() -> tuple[Certificate, ...]:
    """Certificates of newer roots by older ones, without their bytes: facts, to predict with."""
    read = tomllib.loads((_DATA / "cross_signs.toml").read_text())["cross_sign"]
    return tuple(
        Certificate(
            **{name: value for name, value in each.items() if name != "source"},
            names=(),
            signature="",
            serial="",
            is_ca=True,
            self_signed=False,
        )
        for each in read
    )


def _certificates() -> tuple[Certificate, ...]:
    return x509.chain((_DATA / "roots.pem").read_bytes(), where="roots.pem")
