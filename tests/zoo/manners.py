"""Servers with good manners, whose single steps a hostile one replaces."""

import ssl
from collections.abc import Callable, Mapping

from tests.zoo.identities import context
from tests.zoo.keeper import Behaviour, Visitor

Answer = bytes | Callable[[Visitor], None]

SMTP = b"250-mail.example.test\r\n250-SIZE 10240000\r\n250 STARTTLS\r\n"
SMTP_INSIDE = b"250-mail.example.test\r\n250-SIZE 10240000\r\n250 AUTH PLAIN LOGIN\r\n"
IMAP = b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\nc1 OK done\r\n"
IMAP_INSIDE = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nc1 OK done\r\n"
POP3 = b"+OK\r\nUIDL\r\nSTLS\r\n.\r\n"
POP3_INSIDE = b"+OK\r\nUIDL\r\nSASL PLAIN LOGIN\r\n.\r\n"
SIEVE = b'"IMPLEMENTATION" "zoo"\r\n"SIEVE" "fileinto"\r\n"STARTTLS"\r\n"SASL" ""\r\nOK\r\n'
SIEVE_INSIDE = b'"IMPLEMENTATION" "zoo"\r\n"SIEVE" "fileinto"\r\n"SASL" "PLAIN"\r\nOK\r\n'

OUTSIDE: Mapping[str, Mapping[str, Answer]] = {
    "smtp": {"greeting": b"220 zoo\r\n", "EHLO": SMTP, "STARTTLS": b"220 go\r\n"},
    "lmtp": {"greeting": b"220 zoo\r\n", "LHLO": SMTP, "STARTTLS": b"220 go\r\n"},
    "imap": {"greeting": b"* OK zoo\r\n", "CAPABILITY": IMAP, "STARTTLS": b"s1 OK go\r\n"},
    "pop3": {"greeting": b"+OK zoo\r\n", "CAPA": POP3, "STLS": b"+OK go\r\n"},
    "sieve": {"greeting": SIEVE, "STARTTLS": b'OK "go"\r\n'},
}
INSIDE: Mapping[str, Mapping[str, Answer]] = {
    "smtp": {"greeting": b"220 zoo\r\n", "EHLO": SMTP_INSIDE, "QUIT": b"221 bye\r\n"},
    "lmtp": {"greeting": b"220 zoo\r\n", "LHLO": SMTP_INSIDE, "QUIT": b"221 bye\r\n"},
    "imap": {
        "greeting": b"* OK zoo\r\n",
        "CAPABILITY": IMAP_INSIDE,
        "LOGOUT": b"* BYE\r\nz OK bye\r\n",
    },
    "pop3": {"greeting": b"+OK zoo\r\n", "CAPA": POP3_INSIDE, "QUIT": b"+OK bye\r\n"},
    "sieve": {"greeting": SIEVE_INSIDE, "LOGOUT": b"OK\r\n"},
}
LAST_WORDS = ("STARTTLS", "STLS", "QUIT", "LOGOUT")


def server(
    protocol: str,
    outside: Mapping[str, Answer] | None = None,
    inside: Mapping[str, Answer] | None = None,
    *,
    tls: ssl.SSLContext | Behaviour | None = None,
) -> Behaviour:
    """A STARTTLS server; `outside` and `inside` replace single answers, `tls` the handshake."""

    def behaviour(visitor: Visitor) -> None:
        _talk(visitor, {**OUTSIDE[protocol], **(outside or {})})
        start = tls or context()
        if not isinstance(start, ssl.SSLContext):
            start(visitor)
            return
        visitor.tls(start)
        # RFC 5804 2.2: only ManageSieve greets again.
        silence: dict[str, Answer] = {} if protocol == "sieve" else {"greeting": b""}
        talk(visitor, protocol, {**silence, **(inside or {})})

    return behaviour


def implicit(
    protocol: str,
    answers: Mapping[str, Answer] | None = None,
    *,
    tls: ssl.SSLContext | Callable[[], ssl.SSLContext] = context,
) -> Behaviour:
    """A server that speaks TLS from the first byte."""

    def behaviour(visitor: Visitor) -> None:
        visitor.tls(tls() if callable(tls) else tls)
        talk(visitor, protocol, answers)

    return behaviour


def talk(visitor: Visitor, protocol: str, answers: Mapping[str, Answer] | None = None) -> None:
    """What a server of implicit TLS says once TLS is up, on what is the visitor's socket now."""
    _talk(visitor, {**INSIDE[protocol], **(answers or {})})


def _talk(visitor: Visitor, answers: Mapping[str, Answer]) -> None:
    _give(visitor, answers["greeting"])
    while True:
        line = visitor.hear().decode("ascii").upper().split()
        verb = next((word for word in line if word in answers), "")
        _give(visitor, answers.get(verb, b"500 what?\r\n"))
        if verb in LAST_WORDS:
            return


def _give(visitor: Visitor, answer: Answer) -> None:
    if callable(answer):
        answer(visitor)
    elif answer:
        visitor.say(answer)
