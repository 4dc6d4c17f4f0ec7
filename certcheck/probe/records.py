"""TLS records as they pass by, without any cryptography, to see whether they broke off."""

from collections.abc import Iterator

_HEADER = 5  # RFC 8446 5.1: type, version, length
_ALERT, _HANDSHAKE, _DATA = 21, 22, 23
_SERVER_HELLO, _CERTIFICATE, _KEY_EXCHANGE = 2, 11, 12
_RANDOM = slice(2, 2 + 32)  # behind the version
_TO_SESSION = _RANDOM.stop + 1  # and the length of the session's name
# OpenSSL gives up above 100 KiB (max_cert_list), and sslyze then reads that as "rejected".
MAX_CERTIFICATE = 100 * 1024


class Records:
    """What a server sent on one connection, in one direction."""

    def __init__(self) -> None:
        self.bytes = 0
        self.ended_with_alert = False
        self.huge_certificate = False
        self.chain: tuple[bytes, ...] = ()
        self.version = b""
        self.suite = b""
        self.random = b""
        self.key_exchange = b""
        self._encrypted = False
        self._answered_second_flight = False
        self._client_spoke_again = False
        self._rest = bytearray()
        self._message = bytearray()

    def client_spoke(self) -> None:
        """The client sent something after its hello."""
        self._client_spoke_again = True

    def feed(self, data: bytes) -> None:
        """The next bytes from the server."""
        self.bytes += len(data)
        self._answered_second_flight |= self._client_spoke_again
        self._rest += data
        while len(self._rest) >= _HEADER:
            size = _HEADER + int.from_bytes(self._rest[3:_HEADER])
            if len(self._rest) < size:
                return
            self._record(self._rest[0], bytes(self._rest[_HEADER:size]))
            del self._rest[:size]

    @property
    def broke_off(self) -> bool:
        """Whether an end now is in mid-handshake, with no alert to say why."""
        finished = self._encrypted or self._answered_second_flight
        return not (finished or self.ended_with_alert)

    @property
    def is_encrypted(self) -> bool:
        """Whether what follows is encrypted, as all but the first message of TLS 1.3 is."""
        return self._encrypted

    @property
    def second_flight(self) -> bool:
        """Whether the client has spoken after its hello, and nothing is encrypted as in TLS 1.3."""
        return self._client_spoke_again and not self._encrypted

    def _record(self, kind: int, body: bytes) -> None:
        self.ended_with_alert = kind == _ALERT
        self._encrypted |= kind == _DATA
        if kind == _HANDSHAKE and not self._client_spoke_again:
            self._message += body
            self._messages()

    def _messages(self) -> None:
        while len(self._message) >= 4:  # noqa: PLR2004 - RFC 5246 7.4: type and 24 bits of length
            size = int.from_bytes(self._message[1:4])
            if self._message[0] == _CERTIFICATE and size > MAX_CERTIFICATE:
                self.huge_certificate = True
            if len(self._message) < 4 + size:
                return
            self._message_ended(self._message[0], bytes(self._message[4 : 4 + size]))
            del self._message[: 4 + size]

    def _message_ended(self, kind: int, body: bytes) -> None:
        if kind == _SERVER_HELLO and len(body) >= _TO_SESSION:  # RFC 5246 7.4.1.3
            at = _TO_SESSION + body[_TO_SESSION - 1]
            self.version, self.suite = body[:2], body[at : at + 2]
            self.random = body[_RANDOM]
        elif kind == _CERTIFICATE:  # in TLS 1.3 it is encrypted
            self.chain = tuple(_certificates(body[3:]))
        elif kind == _KEY_EXCHANGE:
            self.key_exchange = body


def _certificates(data: bytes) -> Iterator[bytes]:
    at = 0
    # RFC 5246 7.4.2: each with 24 bits of length
    while size := int.from_bytes(data[at : at + 3]):
        yield data[at + 3 : at + 3 + size]
        at += 3 + size
