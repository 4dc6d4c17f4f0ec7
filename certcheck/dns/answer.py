"""Who is asked, and what an answer is: found, none, bogus or failed."""

import ipaddress
from dataclasses import dataclass
from typing import Generic, TypeVar

from certcheck.errors import InputError
from certcheck.model.record import Status

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Who is asked: a recursive resolver by its IP address, or the system's own way (None).

    That is getaddrinfo(3) for addresses, and the servers of /etc/resolv.conf for all else.
    `timeout` is the hard end of one look-up, in seconds. Its word on DNSSEC counts as far as the
    way to it is trusted. Raises InputError when `address` is no IP address.
    """

    address: str | None = None
    port: int = 53
    timeout: float = 5.0

    def __post_init__(self) -> None:
        """Refuse a resolver that would itself have to be looked up."""
        if self.address is not None:
            try:
                ipaddress.ip_address(self.address)
            except ValueError as e:
                raise InputError(
                    f"resolver {self.address!r} is not an IP address", hint="write ADDRESS[:PORT]"
                ) from e


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[Record]):
    """What a look-up gave: `records` when found, else why there are none.

    none: the name or its records do not exist. bogus: DNSSEC says that the answer is forged or
    broken. failed: nobody knows. `secure`: the resolver vouches for all of it by DNSSEC. Records
    with a detail beside them: the look-up of the other address family failed.
    """

    status: Status
    records: tuple[Record, ...] = ()
    secure: bool = False
    detail: str = ""
