"""What crosses the bridge in clear, counted: which certificate came how often."""

from collections import Counter

from certcheck.probe.records import Records

# One chain is 100 KiB at most; a server with more certificates than this plays with us.
_MAX_CHAINS = 16
_SERVER_NAME = 0

Chain = tuple[bytes, ...]


class Tally:
    """The memory of one scan: the chains (DER, leaf first), by SNI or not."""

    def __init__(self) -> None:
        self.chains: Counter[tuple[bool, Chain]] = Counter()

    def note(self, hello: bytes, records: Records) -> None:
        """One connection has ended: `hello` was the client's, `records` came back."""
        key = (has_server_name(hello), records.chain)
        if records.chain and (key in self.chains or len(self.chains) < _MAX_CHAINS):
            self.chains[key] += 1


def has_server_name(hello: bytes) -> bool:
    """Whether a ClientHello record names the server (RFC 6066 3)."""
    at = 5 + 4 + 2 + 32  # record, message, version, random
    for width in (1, 2, 1):  # session, suites, compression
        at += width + int.from_bytes(hello[at : at + width])
    end = min(at + 2 + int.from_bytes(hello[at : at + 2]), len(hello))
    at += 2
    while at + 4 <= end:
        if int.from_bytes(hello[at : at + 2]) == _SERVER_NAME:
            return True
        at += 4 + int.from_bytes(hello[at + 2 : at + 4])
    return False
