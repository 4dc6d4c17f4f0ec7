"""Animals that are no mail server of the scheme at all, or go when somebody comes."""

from tests.zoo.animals import (
    ALERT,
    Animal,
    animal,
    by_turns,
    closes,
    closes_after_hello,
    drips,
    hangs_up,
    says,
    stays_in_plain_text,
    then,
)
from tests.zoo.identities import modern
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.manners import implicit, server

_HTTP_400 = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
_TELNET = b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27"
# RFC 4511 4.4.1: a Notice of Disconnection, as an LDAP server gives for what is no LDAP.
_LDAP = bytes.fromhex("3024020100781f0a01020400040c6e6f2c2074686174206973") + b"..."
_RDP = bytes.fromhex("030000130ed000001234000200080002000000")
_VNC = b"RFB 003.008\n"
_SSH = b"SSH-2.0-zoo\r\n"


def _echo(visitor: Visitor) -> None:
    while data := visitor.hear_bytes():
        visitor.say(data)


def _resets(visitor: Visitor) -> None:
    visitor.reset()


def _answers_bytes(data: bytes) -> Behaviour:
    def behaviour(visitor: Visitor) -> None:
        visitor.hear_bytes()
        visitor.say(data)

    return behaviour


def _every_second(visitor: Visitor) -> None:
    if visitor.number % 2 == 0:
        server("imap", tls=modern())(visitor)


STRANGERS: tuple[Animal, ...] = (
    animal("smtp on the TLS port", "submissions", stays_in_plain_text, "plain_on_tls_port"),
    animal("imap on the TLS port", "imaps", says(b"* OK zoo\r\n"), "plain_on_tls_port"),
    animal("pop3 on the TLS port", "pop3s", drips(b"+OK zoo\r\n"), "plain_on_tls_port"),
    animal("TLS on the imap port", "imap", implicit("imap"), "tls_on_plain_port"),
    animal("TLS on the smtp port", "smtp", implicit("smtp"), "tls_on_plain_port"),
    animal("TLS on the pop3 port", "pop3", implicit("pop3"), "tls_on_plain_port"),
    animal("TLS on the sieve port", "sieve", implicit("sieve"), "tls_on_plain_port"),
    animal("TLS alert for a greeting", "imap", says(ALERT), "tls_on_plain_port"),
    animal("TLS handshake for a greeting", "smtp", says(b"\x16\x03\x03\x00\x04\0\0\0\0"),
           "tls_on_plain_port"),
    animal("smtp on the imap port", "imap", says(b"220 zoo ESMTP\r\n"), "wrong_protocol"),
    animal("imap on the smtp port", "smtp", says(b"* OK zoo\r\n"), "wrong_protocol"),
    animal("imap on the sieve port", "sieve", says(b"* OK zoo\r\n"), "wrong_protocol"),
    animal("sieve on the imap port", "imap", says(b'"IMPLEMENTATION" "zoo"\r\nOK\r\n'),
           "wrong_protocol"),
    animal("ssh on the pop3 port", "pop3", says(_SSH), "wrong_protocol"),
    animal("ssh on the imaps port", "imaps", says(_SSH), "wrong_protocol"),
    animal("http on the sieve port", "sieve", says(b"HTTP/1.1 400 no\r\n"), "wrong_protocol"),
    animal("http proxy on the smtp port", "smtp", says(_HTTP_400), "wrong_protocol"),
    animal("http on the imaps port", "imaps", _answers_bytes(_HTTP_400), "wrong_protocol"),
    animal("http after the go-ahead", "imap", server("imap", tls=_answers_bytes(_HTTP_400)),
           "handshake_failed"),
    animal("smtp on the lmtp port", "lmtp", stays_in_plain_text, "wrong_protocol"),
    animal("lmtp on the smtp port", "smtp", server("smtp", {"EHLO": b"503 use LHLO\r\n"}),
           "wrong_protocol"),
    animal("smtp 220 for an answer to EHLO", "smtp", server("smtp", {"EHLO": b"220 zoo\r\n"}),
           "wrong_protocol"),
    animal("ftp on the smtp port", "smtp",
           server("smtp", {"greeting": b"220 zoo FTP\r\n", "EHLO": b"530 Please login\r\n"}),
           "rejected_554"),
    animal("ftp on the imap port", "imap", says(b"220 zoo FTP\r\n"), "wrong_protocol"),
    animal("telnet on the imap port", "imap", says(_TELNET + b"\r\nlogin: "), "wrong_protocol"),
    animal("telnet on the imaps port", "imaps", says(_TELNET), "handshake_failed"),
    # These wait to be spoken to, in a language of their own.
    animal("ldap on the imap port", "imap", _answers_bytes(_LDAP), "greeting_timeout"),
    animal("ldap on the imaps port", "imaps", _answers_bytes(_LDAP), "handshake_failed"),
    animal("rdp on the imaps port", "imaps", _answers_bytes(_RDP), "handshake_failed"),
    animal("vnc on the smtp port", "smtp", says(_VNC), "wrong_protocol"),
    animal("vnc on the submissions port", "submissions", says(_VNC), "wrong_protocol"),
    animal("echo on the smtp port", "smtp", _echo, "greeting_timeout"),
    animal("echo on the imaps port", "imaps", _echo, "handshake_failed"),
    animal("empty lines on the smtp port", "smtp", says(b"\r\n\r\n220 zoo\r\n"), "wrong_protocol"),
    animal("another protocol inside TLS", "imaps",
           implicit("imap", {"greeting": b"220 zoo ESMTP\r\n"}), "wrong_protocol", shown=True),
    animal("http inside TLS", "submissions",
           implicit("smtp", {"greeting": _HTTP_400}), "wrong_protocol", shown=True),
)  # fmt: skip

GONE: tuple[Animal, ...] = (
    animal("closes at once", "smtp", closes, "unreachable"),
    animal("resets at once", "imap", _resets, "unreachable"),
    animal("resets the TLS port at once", "imaps", _resets, "handshake_failed"),
    animal("closes after half a greeting", "smtp", lambda visitor: visitor.say(b"220 zo"),
           "unreachable"),
    animal("closes after the greeting", "imap", lambda visitor: visitor.say(b"* OK zoo\r\n"),
           "unreachable"),
    animal("closes after EHLO", "smtp", server("smtp", {"EHLO": hangs_up}), "unreachable"),
    animal("closes in the midst of an answer", "smtp",
           server("smtp", {"EHLO": then(b"250-zoo\r\n", hangs_up)}), "unreachable"),
    animal("answers every second connection", "imap", _every_second, versions=None),
    animal("answers the third connection", "smtp",
           by_turns(closes, closes, server("smtp"))),
    animal("closes on TLS hello", "imaps", closes_after_hello, "handshake_failed"),
)  # fmt: skip
