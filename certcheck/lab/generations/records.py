"""What the DNS of a lab of two generations says of its names and of its addresses."""

from collections.abc import Iterator

from certcheck.lab.generations.plan import (
    CLIENT,
    NAMES,
    NEW_ADDRESS,
    NEW_HOST,
    OLD_ADDRESS,
    OLD_HOST,
    SERVICE,
)
from certcheck.lab.plan import HOST


def records() -> str:
    """What the zone has besides SOA and NS, in zone file syntax."""
    lines = [
        f"@ 60 IN MX 10 {HOST}.",
        f'@ 60 IN TXT "v=spf1 ip4:{SERVICE.ipv4} ip6:{SERVICE.ipv6} -all"',
        f"ns 60 IN A {CLIENT.ipv4}",
    ]
    named = dict.fromkeys(NAMES, SERVICE)
    named |= {OLD_HOST: OLD_ADDRESS, NEW_HOST: NEW_ADDRESS}
    for name, address in named.items():
        lines += [f"{name}. 60 IN A {address.ipv4}", f"{name}. 60 IN AAAA {address.ipv6}"]
    return "\n".join(lines) + "\n"


def reverse() -> Iterator[tuple[str, str]]:
    """Addresses, and the names that they have in reverse."""
    named = {
        HOST: SERVICE,
        OLD_HOST: OLD_ADDRESS,
        NEW_HOST: NEW_ADDRESS,
    }
    for name, address in named.items():
        yield from ((one, name) for one in address.both)
