"""What DNS says: a bogus or failed look-up is never taken for "there is none"."""

from certcheck.dns.address import Family, addresses
from certcheck.dns.answer import Answer, Resolver, Status
from certcheck.dns.tlsa import tlsa

__all__ = ["Answer", "Family", "Resolver", "Status", "addresses", "tlsa"]
