"""What DNS says: a bogus or failed look-up is never taken for "there is none"."""

from certcheck.dns.address import Family, addresses, addresses_of
from certcheck.dns.answer import Answer, Resolver
from certcheck.dns.authoritative import Holders, NameServer, holders, texts
from certcheck.dns.caa import CaaSet, caa
from certcheck.dns.cname import cname
from certcheck.dns.mx import mx
from certcheck.dns.ptr import ptr
from certcheck.dns.spf import spf
from certcheck.dns.srv import srv
from certcheck.dns.tlsa import tlsa

__all__ = [
    "Answer",
    "CaaSet",
    "Family",
    "Holders",
    "NameServer",
    "Resolver",
    "addresses",
    "addresses_of",
    "caa",
    "cname",
    "holders",
    "mx",
    "ptr",
    "spf",
    "srv",
    "texts",
    "tlsa",
]
