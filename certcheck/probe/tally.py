"""What crosses the bridge in clear, counted: which certificate came how often, suites taken."""

from collections import Counter
from collections.abc import Mapping

from certcheck.model.observation import TlsVersion
from certcheck.probe.records import Records

# One chain is 100 KiB at most; a server with more certificates than this plays with us.
_MAX_CHAINS = 16
_SERVER_NAME = 0

_VERSIONS: Mapping[bytes, TlsVersion] = {
    b"\x03\x00": "SSLv3",
    b"\x03\x01": "TLSv1.0",
    b"\x03\x02": "TLSv1.1",
    b"\x03\x03": "TLSv1.2",
}

Chain = tuple[bytes, ...]


class Tally:
    """The memory of one scan: the chains (DER, leaf first), by SNI or not, the suites by version.

    A suite is taken when the server's hello names it, whatever comes of the handshake then.
    """

    def __init__(self) -> None:
        self.chains: Counter[tuple[bool, Chain]] = Counter()
        self.suites: dict[str, set[bytes]] = {}

    def note(self, hello: bytes, records: Records) -> None:
        """One connection has ended: `hello` was the client's, `records` came back."""
        key = (has_server_name(hello), records.chain)
        if records.chain and (key in self.chains or len(self.chains) < _MAX_CHAINS):
            self.chains[key] += 1
        if version := _version(records):
            self.suites.setdefault(version, set()).add(records.suite)


def _version(records: Records) -> TlsVersion | None:
    if records.suite[:1] == b"\x13":  # RFC 8446 4.1.3, B.4: it calls itself TLS 1.2
        return "TLSv1.3"
    return _VERSIONS.get(records.version)


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
