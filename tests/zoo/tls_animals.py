"""Animals that are odd in the TLS handshake, most of them on a port of implicit TLS."""

import os
import socket
import ssl
from collections.abc import Callable

from tests.zoo import records, tampering
from tests.zoo.animals import (
    ALERT,
    MODERN,
    Animal,
    animal,
    answers_hello,
    closes_after_hello,
    endless,
    endless_handshake,
    hangs_up,
    resets_after_hello,
    silent,
)
from tests.zoo.identities import (
    asking_for_certificates,
    modern,
    newest_1_2,
    refusing_sni,
)
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.manners import implicit, server
from tests.zoo.records import FATAL, WARNING
from tests.zoo.tampering import tampered

_FAILURE = records.alert(FATAL, records.HANDSHAKE_FAILURE)
_UNKNOWN_NAME = records.alert(WARNING, records.UNRECOGNIZED_NAME)
_CANCELED = records.alert(WARNING, records.USER_CANCELED)
_CLOSE = records.alert(WARNING, records.CLOSE_NOTIFY)
_EMPTY = records.record(records.HANDSHAKE, b"")


def _implicit(get: Callable[[], ssl.SSLContext]) -> Behaviour:
    return implicit("imap", tls=get)


def _retries_for_ever(visitor: Visitor) -> None:
    retry = records.retry(visitor.hear_bytes())
    visitor.say(retry)
    while visitor.hear_bytes():
        visitor.say(retry)


def _unwraps(visitor: Visitor) -> None:
    if isinstance(visitor.sock, ssl.SSLSocket):
        visitor.sock.unwrap()


def _falls_back(visitor: Visitor) -> None:
    with socket.socket(fileno=os.dup(visitor.sock.fileno())) as bare:
        bare.sendall(b"* BYE out of TLS\r\n")


def _demands_after_starttls(visitor: Visitor) -> None:
    tls = asking_for_certificates(required=True, newest="TLSv1_2")
    server("imap", tls=tls)(visitor)


def _old(name: str, tamper: tampering.Tamper) -> Animal:
    return animal(name, "imaps", tampered("imap", newest_1_2, tamper), versions=("TLSv1.2",))


def _new(name: str, tamper: tampering.Tamper) -> Animal:
    return animal(name, "imaps", tampered("imap", modern, tamper), versions=MODERN)


def _old_fails(name: str, tamper: tampering.Tamper) -> Animal:
    return animal(name, "imaps", tampered("imap", newest_1_2, tamper), "handshake_failed")


def _new_fails(name: str, tamper: tampering.Tamper) -> Animal:
    return animal(name, "imaps", tampered("imap", modern, tamper), "handshake_failed")


def _fails(name: str, *answer: bytes) -> Animal:
    return animal(name, "imaps", answers_hello(*answer), "handshake_failed")


def _stalls(name: str, get: Callable[[], ssl.SSLContext], tamper: tampering.Tamper) -> Animal:
    return animal(name, "imaps", tampered("imap", get, tamper), "handshake_timeout")


SEEN: tuple[Animal, ...] = (
    _old("TLS 1.2 byte by byte", tampering.by_bytes),
    _new("TLS 1.3 byte by byte", tampering.by_bytes),
    _old("record headers over two segments", tampering.headers_apart),
    _new("record headers over two segments in TLS 1.3", tampering.headers_apart),
    _old("a byte in each record", tampering.in_tiny_records),
    _new("a byte of ServerHello in each record", tampering.in_tiny_records),
    _old("warns of the name and goes on", tampering.before(_UNKNOWN_NAME)),
    _old("warns of the name after ServerHello", tampering.behind(_UNKNOWN_NAME, kept=1)),
    _old("cancels, but goes on", tampering.before(_CANCELED)),
    _old("empty record after ServerHello", tampering.behind(_EMPTY, kept=1)),
    _old("asks for a new hello in the first one", tampering.behind(records.HELLO_REQUEST, kept=1)),
    animal("refuses who sends no SNI", "imaps", _implicit(lambda: refusing_sni(with_name=False)),
           versions=MODERN, without_sni=False),
    animal("asks for a certificate in TLS 1.2", "imaps",
           _implicit(lambda: asking_for_certificates(required=False, newest="TLSv1_2")),
           versions=("TLSv1.2",)),
    animal("asks for a certificate in TLS 1.3", "imaps",
           _implicit(lambda: asking_for_certificates(required=False, newest="TLSv1_3")),
           versions=MODERN),
    # The chain was received, and the key's signature on the key exchange was good.
    animal("demands a certificate in TLS 1.2", "imaps",
           _implicit(lambda: asking_for_certificates(required=True, newest="TLSv1_2")),
           versions=("TLSv1.2",)),
    animal("demands a certificate in TLS 1.3", "imaps",
           _implicit(lambda: asking_for_certificates(required=True, newest="TLSv1_3")),
           versions=MODERN),
    animal("demands a certificate after STARTTLS", "imap",
           _demands_after_starttls, versions=("TLSv1.2",)),
    animal("closes TLS instead of greeting", "imaps",
           implicit("imap", {"greeting": _unwraps}, tls=modern),
           versions=MODERN),
    animal("closes TLS instead of an answer", "imaps",
           implicit("imap", {"CAPABILITY": _unwraps}, tls=modern),
           versions=MODERN),
    animal("cuts TLS off instead of an answer", "imaps",
           implicit("imap", {"CAPABILITY": hangs_up}, tls=modern),
           versions=MODERN),
    animal("plain text inside TLS", "imaps",
           implicit("imap", {"CAPABILITY": _falls_back}, tls=modern),
           versions=MODERN),
)  # fmt: skip

STALLING: tuple[Animal, ...] = (
    animal("silent after go-ahead", "smtp", server("smtp", tls=silent), "handshake_timeout"),
    animal("stalls in mid-record", "imap",
           server("imap", tls=answers_hello(b"\x16\x03\x03\x00\x7a\x02\x00")), "handshake_timeout"),
    animal("stalls in a record header", "imaps", answers_hello(b"\x16\x03"), "handshake_timeout"),
    _stalls("stalls after ServerHello", newest_1_2, tampering.cut(kept=1)),
    _stalls("stalls after Certificate", newest_1_2, tampering.cut(kept=2)),
    _stalls("stalls before ServerHelloDone", newest_1_2, tampering.cut(kept=3)),
    _stalls("stalls before Finished", newest_1_2, tampering.cut(kept=0, flight=2)),
    _stalls("stalls in TLS 1.3 after ServerHello", modern, tampering.cut(kept=1)),
    _stalls("stalls in TLS 1.3 after Certificate", modern, tampering.cut(kept=4)),
    _stalls("only warns of the name", modern, tampering.cut(kept=0, extra=_UNKNOWN_NAME)),
    animal("empty records, then silence", "imaps", answers_hello(_EMPTY * 3), "handshake_timeout"),
)  # fmt: skip

ENDLESS: tuple[Animal, ...] = (
    animal("endless TLS handshake", "imaps", endless_handshake, "oversized"),
    animal("endless requests after ServerHello", "imaps",
           endless(records.server_hello(), records.HELLO_REQUEST * 200),
           "oversized"),
    _fails("endless warnings", _UNKNOWN_NAME * 5000),
    _fails("endless empty records", _EMPTY * 5000),
    _fails("endless ServerHellos", records.server_hello() * 100),
    animal("a handshake message of 16 MiB", "imaps",
           answers_hello(records.record(records.HANDSHAKE, b"\x02\xff\xff\xff"
                                                        + bytes(16000)) * 1000),
           "oversized"),
    _fails("a record of 64 KiB", b"\x16\x03\x03\xff\xff" + bytes(65535)),
    animal("retries for ever", "imaps", _retries_for_ever, "handshake_failed"),
)  # fmt: skip

FAILING: tuple[Animal, ...] = (
    animal("closes after go-ahead", "smtp", server("smtp", tls=closes_after_hello),
           "closed_after_go_ahead"),
    animal("resets after go-ahead", "imap", server("imap", tls=resets_after_hello),
           "closed_after_go_ahead"),
    animal("resets on TLS hello", "imaps", resets_after_hello, "handshake_failed"),
    animal("garbage for a ServerHello", "imap",
           server("imap", tls=answers_hello(b"\x00\xff" * 40)), "handshake_failed"),
    animal("alert for a ServerHello", "pop3s", answers_hello(ALERT), "handshake_failed"),
    animal("refuses every name", "imaps", _implicit(lambda: refusing_sni(with_name=True)),
           "handshake_failed"),
    _fails("close_notify for a ServerHello", _CLOSE),
    _fails("an alert of three bytes", records.record(records.ALERT, b"\x02\x28\x00")),
    _fails("an unknown alert", records.alert(77, 255)),
    _fails("an unknown record", records.record(99, b"zoo")),
    _fails("application data for a ServerHello", records.record(records.DATA, bytes(32))),
    _fails("a ClientHello for a ServerHello", records.message(1, bytes(40))),
    _fails("an empty ServerHello", records.message(2, b"")),
    _fails("half a ServerHello", records.message(2, b"\x03\x03" + bytes(20))),
    _fails("ServerHello of SSLv3", records.server_hello(version=b"\x03\x00")),
    _fails("ServerHello of TLS 1.4", records.server_hello(version=b"\x03\x05")),
    _fails("ServerHello of TLS 2", records.server_hello(version=b"\x04\x00")),
    _fails("ServerHello chooses TLS 1.4", records.server_hello(chosen=b"\x03\x05")),
    _fails("ServerHello of an unknown suite", records.server_hello(suite=b"\xff\xff")),
    _fails("ServerHello that signals a downgrade",
           records.server_hello(random=bytes(24) + b"DOWNGRD\x01")),
    _fails("Certificate for a ServerHello", records.certificates([b"\0" * 40])),
    _fails("ServerHelloDone for a Certificate", records.server_hello() + records.DONE),
    _fails("no certificate", records.server_hello() + records.certificates([]) + records.DONE),
    _fails("two ServerHellos", records.server_hello() * 2),
    _old_fails("alert after ServerHello", tampering.cut(kept=1, extra=_FAILURE)),
    _old_fails("alert after Certificate", tampering.cut(kept=2, extra=_FAILURE)),
    _old_fails("alert before Finished", tampering.cut(kept=0, flight=2, extra=_FAILURE)),
    _old_fails("alert in plain text after Finished", tampering.cut(kept=2, flight=2,
                                                                   extra=_FAILURE)),
    _old_fails("close_notify after ServerHello", tampering.cut(kept=1, extra=_CLOSE)),
    _old_fails("close_notify before Finished", tampering.cut(kept=0, flight=2, extra=_CLOSE)),
    _old_fails("plain text after ServerHello", tampering.cut(kept=1, extra=b"* BYE no\r\n")),
    _new_fails("alert after ServerHello of TLS 1.3", tampering.cut(kept=1, extra=_FAILURE)),
    _new_fails("close_notify after ServerHello of TLS 1.3", tampering.cut(kept=1, extra=_CLOSE)),
    _new_fails("plain text after ServerHello of TLS 1.3",
               tampering.cut(kept=1, extra=b"* BYE no\r\n")),
    _new_fails("unencrypted message in TLS 1.3", tampering.behind(records.DONE, kept=1)),
)  # fmt: skip

TLS_ANIMALS = (*SEEN, *STALLING, *ENDLESS, *FAILING)
