"""The zone `example.test`: its records, its DNSSEC signature, and what a server says of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from certcheck.lab.pki import private_key
from certcheck.lab.plan import DOMAIN, HOST
from certcheck.lab.ports import LOOPBACK
from certcheck.x509 import new_key

if TYPE_CHECKING:
    from dns.rdtypes.ANY.DNSKEY import DNSKEY

ADDRESSES = ("mail", "imap", "smtp", "pop", "sieve", "mx-old", "ns")
USUAL = f"@ 60 IN MX 10 {HOST}.\n" + "".join(f"{name} 60 IN A {LOOPBACK}\n" for name in ADDRESSES)
_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """The zone file, the key that signs it, and the records that it always has."""

    file: Path
    key: bytes = field(repr=False)
    records: str


def new_zone(file: Path, records: str = USUAL) -> Zone:
    """A zone with a key of its own and these records; `sign` writes the file."""
    return Zone(file=file, key=new_key("ecdsa"), records=records)


def trust_anchor(zone: Zone) -> str:
    """The line that makes a resolver trust the zone."""
    return f"{DOMAIN}. IN DNSKEY {_dnskey(zone)}\n"


def sign(zone: Zone, extra: str = "", *, unsigned: Sequence[str] = ()) -> int:
    """Write the zone anew, signed, with the lines of `extra`; its new serial.

    They are in zone file syntax, such as `_25._tcp.mail 60 IN TLSA 3 1 1 …`. The signatures at the
    owners in `unsigned` are left out, which makes their records bogus.
    """
    import dns.dnssec
    import dns.zone

    now = datetime.now(UTC)
    serial = max(int(now.timestamp()), _last_serial(zone) + 1)
    signed = dns.zone.from_text(_apex(serial) + zone.records + extra + "\n", origin=f"{DOMAIN}.")
    with signed.writer() as transaction:
        dns.dnssec.sign_zone(
            signed,
            transaction,
            keys=[(private_key(zone.key), _dnskey(zone))],
            inception=now - timedelta(hours=1),
            expiration=now + _LIFETIME,
        )
    for owner in unsigned:
        for covered in {each.rdtype for each in signed.find_node(owner).rdatasets}:
            signed.delete_rdataset(owner, "RRSIG", covers=covered)
    fresh = zone.file.with_suffix(".new")
    signed.to_file(str(fresh), relativize=False, want_origin=True)
    fresh.replace(zone.file)
    return serial


def served_serial(port: int, *, timeout: float = 2) -> int:
    """The serial that the server on `port` knows; raises OSError while it knows none."""
    import dns.exception
    import dns.message
    import dns.query
    import dns.rdatatype

    question = dns.message.make_query(f"{DOMAIN}.", "SOA", want_dnssec=True)
    try:
        answer = dns.query.udp(question, LOOPBACK, port=port, timeout=timeout)
    except dns.exception.DNSException as e:
        raise OSError(f"no DNS answer on port {port}: {e}") from e
    found = [each for each in answer.answer if each.rdtype == dns.rdatatype.SOA]
    if not found:
        raise OSError(f"no SOA on port {port}")
    return int(found[0][0].serial)


def is_served(port: int, serial: int) -> bool:
    """Whether the server on `port` has the zone with this serial."""
    try:
        return served_serial(port) == serial
    except OSError:
        return False


def _last_serial(zone: Zone) -> int:
    first = zone.file.read_text().partition(" SOA ")[2].split()
    return int(first[2]) if first else 0


def _apex(serial: int) -> str:
    return (
        f"@ 60 IN SOA ns.{DOMAIN}. hostmaster.{DOMAIN}. {serial} 3600 600 86400 60\n"
        f"@ 60 IN NS ns.{DOMAIN}.\n"
    )


def _dnskey(zone: Zone) -> "DNSKEY":
    import dns.dnssec
    from dns.dnssectypes import Algorithm

    key_signing = 257  # RFC 4034 2.1.1: zone key, and secure entry point
    public = private_key(zone.key).public_key()
    return dns.dnssec.make_dnskey(public, Algorithm.ECDSAP256SHA256, flags=key_signing)
