"""What differs between two looks at the same services, and whether that is wanted."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ChangeClass = Literal["announced", "expected", "gained", "weakened", "lost", "unannounced"]
Value = str | int | tuple[str, ...] | None

# From the worst to the best: when one change is several of them, the first stands for it.
CLASSES: tuple[ChangeClass, ...] = (
    "lost",
    "weakened",
    "unannounced",
    "announced",
    "expected",
    "gained",
)
BAD: frozenset[ChangeClass] = frozenset({"lost", "weakened", "unannounced"})

# Every field that a change may be of, in the order of a report; `mailbox.` and `dns.` begin more.
FIELDS: Mapping[str, str] = {
    "outcome": "port",
    "tls_mode": "TLS mode",
    "deployments": "certificate",
    "protocols": "TLS versions",
    "cipher_suites": "cipher suites",
    "groups": "groups",
    "preference": "preference",
    "auth_before_tls": "AUTH before TLS",
    "auth_after_tls": "AUTH inside TLS",
    "before_tls": "capabilities before TLS",
    "after_tls": "capabilities inside TLS",
    "size": "message size limit",
    "greeting": "greeting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Who took a change for good, why, and when."""

    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field of one endpoint and address that is no longer what it was, or should be.

    `before` is None where there was nothing to compare with. `message` says who notices, and how.
    """

    id: str
    endpoint: str
    address: str | None
    field: str
    before: Value
    after: Value
    class_: ChangeClass
    accepted: Acceptance | None = None
    message: str

    @property
    def bad(self) -> bool:
        """Whether it must not stay as it is: lost, weakened or unannounced, and not accepted."""
        return self.class_ in BAD


def change_id(field: str, endpoint: str, address: str | None, about: str = "") -> str:
    """`auth_after_tls-3f2a90c1d4`: the same tomorrow; `about` tells two of one place apart."""
    place = "\0".join((endpoint, address or "", about))
    digest = hashlib.sha256(place.encode("utf-8", "backslashreplace")).hexdigest()
    return f"{field}-{digest[:10]}"
