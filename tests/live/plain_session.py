"""Sessions by the standard library's mail clients: the referee for what a server says of itself."""

import imaplib
import poplib
import shlex
import smtplib
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass

from certcheck.model.endpoint import Endpoint

_SOURCE = ("127.0.0.2", 0)  # Dovecot takes 127.0.0.1 -> 127.0.0.1 for secured
_TIMEOUT = 15.0

Words = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A server's greeting, its capabilities before and inside TLS, and the SMTP size in there."""

    greeting: str
    before: Words
    inside: Words
    size: int | None = None

    @property
    def auth_before(self) -> set[str]:
        """The SASL mechanisms before TLS."""
        return mechanisms(self.before)

    @property
    def auth_inside(self) -> set[str]:
        """The SASL mechanisms inside TLS."""
        return mechanisms(self.inside)


def mechanisms(words: Words) -> set[str]:
    """The SASL mechanisms that the capabilities name, in any protocol's form."""
    found: set[str] = set()
    for word in words:
        name, *values = word.replace("AUTH=", "AUTH ").split()
        found.update(values if name in ("AUTH", "SASL") else ())
    return found


def heard(service: Endpoint) -> Heard:
    """What an ordinary client hears at a service on loopback."""
    return _CLIENTS[service.protocol](service)


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the openssl program is the referee for certificates
    return context


def _connected(service: Endpoint) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", service.port), _TIMEOUT, _SOURCE)
    if service.tls_mode == "starttls":
        return plain
    return _trusting().wrap_socket(plain, server_hostname=service.host.ascii)


def _imap(service: Endpoint) -> Heard:
    class Client(imaplib.IMAP4):
        def _create_socket(self, _timeout: float | None) -> socket.socket:
            return _connected(service)

    with Client("127.0.0.1") as client:
        first = frozenset(client.capabilities)
        greeting = client.welcome.decode()
        if service.tls_mode == "implicit":
            return Heard(greeting=greeting, before=frozenset(), inside=first)
        client.starttls(_trusting())
        return Heard(greeting=greeting, before=first, inside=frozenset(client.capabilities))


def _pop3(service: Endpoint) -> Heard:
    class Client(poplib.POP3):
        def _create_socket(self, _timeout: float | None) -> socket.socket:
            return _connected(service)

    def asked(client: Client) -> Words:
        return _words(" ".join([name, *values]) for name, values in client.capa().items())

    client = Client("127.0.0.1")
    try:
        greeting = client.getwelcome().decode()
        if service.tls_mode == "implicit":
            return Heard(greeting=greeting, before=frozenset(), inside=asked(client))
        before = asked(client)
        client.stls(_trusting())
        return Heard(greeting=greeting, before=before, inside=asked(client))
    finally:
        client.quit()


def _smtp(service: Endpoint) -> Heard:
    kind = smtplib.LMTP if service.protocol == "lmtp" else smtplib.SMTP

    class Client(kind):  # type: ignore[misc, valid-type]
        def _get_socket(self, *_: object) -> socket.socket:
            return _connected(service)

    def asked(client: smtplib.SMTP) -> Words:
        client.ehlo()
        return _words(f"{name} {value}" for name, value in client.esmtp_features.items())

    with Client(local_hostname="[127.0.0.2]") as client:
        client._host = service.host.ascii
        code, words = client.connect("127.0.0.1", service.port)
        greeting = f"{code} {words.decode()}"
        before: Words = frozenset()
        if service.tls_mode == "starttls":
            before = asked(client)
            client.starttls(context=_trusting())
        inside = asked(client)
        size = client.esmtp_features.get("size")
    return Heard(greeting=greeting, before=before, inside=inside, size=int(size) if size else None)


def _sieve(service: Endpoint) -> Heard:
    def asked() -> list[str]:
        lines = []
        while not (line := reader.readline().decode()).startswith("OK"):
            lines.append(" ".join(shlex.split(line)))
        return lines

    with _connected(service) as plain:
        reader = plain.makefile("rb")
        before = asked()
        plain.sendall(b"STARTTLS\r\n")
        assert reader.readline().startswith(b"OK")
        with _trusting().wrap_socket(plain) as inside:
            reader = inside.makefile("rb")
            again = asked()
    name = "IMPLEMENTATION "
    (greeting,) = [line.removeprefix(name) for line in before if line.startswith(name)]
    return Heard(greeting=greeting, before=_words(before), inside=_words(again))


def _words(lines: Iterable[str]) -> Words:
    return frozenset(" ".join(line.upper().split()) for line in lines)


_CLIENTS = {"imap": _imap, "pop3": _pop3, "smtp": _smtp, "lmtp": _smtp, "sieve": _sieve}
