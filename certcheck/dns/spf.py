"""SPF records: which hosts send the mail of a domain (RFC 7208)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from certcheck.dns.answer import Answer, Resolver
from certcheck.dns.lookup import at_once, look_up
from certcheck.model.endpoint import Hostname

if TYPE_CHECKING:
    from dns.rdata import Rdata


def spf(domains: Sequence[Hostname], *, resolver: Resolver) -> tuple[Answer[str], ...]:
    """The SPF records of each domain; other TXT records do not count (RFC 7208 4.5).

    A dead resolver costs two time-outs in all; never raises for what the network does.
    """
    return at_once(domains, _one, resolver=resolver)


def _one(domain: Hostname, resolver: Resolver) -> Answer[str]:
    answer = look_up(domain.ascii, "TXT", _read, resolver=resolver)
    found = tuple(text for text in answer.records if text.lower().split(" ")[0] == "v=spf1")
    if answer.status == "found" and not found:
        return replace(answer, status="none", records=())
    return replace(answer, records=found)


def _read(record: "Rdata") -> str:
    from dns.rdtypes.ANY.TXT import TXT

    if not isinstance(record, TXT):
        raise TypeError(f"{record!r} is no TXT record")
    # RFC 7208 3.3: the strings of one record belong together, without a blank.
    return b"".join(record.strings).decode("ascii", "backslashreplace")
