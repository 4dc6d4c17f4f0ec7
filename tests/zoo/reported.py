"""Animals that other tools have met: each stands for a kind of public bug report."""

import socket

from tests.zoo import records
from tests.zoo.animals import (
    MODERN,
    Animal,
    animal,
    by_turns,
    hangs_up,
    odd,
    pauses,
    says,
    then,
)
from tests.zoo.identities import modern, without_middlebox_mode
from tests.zoo.keeper import Visitor
from tests.zoo.manners import IMAP_INSIDE, POP3, SMTP, implicit, server

_PLAIN = server("smtp", {"EHLO": b"250-zoo\r\n250 SIZE 1\r\n"})


def _modern_smtp(visitor: Visitor) -> None:
    server("smtp", tls=modern())(visitor)


def _fears_long_hellos(visitor: Visitor) -> None:
    if len(visitor.hear_bytes()) < 256:
        visitor.stay_silent()


def _fears_alpn(visitor: Visitor) -> None:
    hello = visitor.sock.recv(4096, socket.MSG_PEEK)
    if hello[:1] == b"\x16" and records.ALPN not in set(records.extensions_of(hello)):
        implicit("imap", tls=modern)(visitor)


REPORTED: tuple[Animal, ...] = (
    # sslyze, swaks: the greeting's second half comes seconds after the first (postscreen).
    odd("the second half of a greeting comes late", "smtp",
        {"greeting": then(b"220-wait for it\r\n", pauses(b"220 zoo\r\n", seconds=0.4))}),
    # testssl.sh: some back ends of one address offer STARTTLS, others do not.
    animal("STARTTLS now and then", "smtp", by_turns(_modern_smtp, _PLAIN, _modern_smtp),
           versions=None),
    # Thunderbird for Android, K-9: Postfix's `broken_sasl_auth_clients` sends AUTH= as well.
    odd("AUTH in two spellings", "smtp",
        {"EHLO": b"250-zoo\r\n250-AUTH PLAIN\r\n250-AUTH=PLAIN\r\n250 STARTTLS\r\n"}),
    # MailKit: the last line of EHLO is a bare 250.
    odd("EHLO ends with nothing", "smtp", {"EHLO": b"250-zoo\r\n250-STARTTLS\r\n250 \r\n"},
        {"EHLO": b"250-zoo\r\n250-SIZE 1\r\n250\r\n"}),
    # Many SMTP libraries look for `250-STARTTLS` only, and miss it where it comes last.
    odd("STARTTLS comes last", "smtp", {"EHLO": b"250-zoo\r\n250-SIZE\r\n250 STARTTLS\r\n"}),
    # Greetings without a word behind the code; some libraries want ESMTP in it.
    odd("a bare 220", "smtp", {"greeting": b"220\r\n"}),
    # s_client's wrappers, check_ssl_cert: the server hangs where STARTTLS is not offered.
    animal("hangs up when STARTTLS is not offered", "smtp",
           server("smtp", {"EHLO": then(b"250 zoo\r\n", hangs_up)}), "starttls_not_offered"),
    # Scripts that ask for TLS without having said EHLO in the right way get a 503.
    animal("503 for STARTTLS", "smtp", server("smtp", {"STARTTLS": b"503 EHLO first\r\n"}),
           "tls_unavailable_454"),
    # Stalwart: a go-ahead, and then a hang-up, as there is no certificate.
    animal("220 for STARTTLS, then gone", "smtp",
           server("smtp", {"STARTTLS": then(b"220 go\r\n", hangs_up)}), "closed_after_go_ahead"),
    # OfflineIMAP: Cyrus says in plain text on 993 that its TLS is broken.
    animal("BYE in plain text on the TLS port", "imaps",
           says(b"* BYE Fatal error: tls_start_servertls() failed\r\n"), "bye"),
    # go-imap, K-9: capabilities come unasked behind the handshake.
    odd("capabilities unasked, and asked", "imap",
        inside={"greeting": b"* OK [CAPABILITY IMAP4rev1] hello\r\n", "CAPABILITY": IMAP_INSIDE}),
    # ESP-Mail-Client: the server takes the tag for the command.
    animal("BAD with the command for a tag", "imap",
           server("imap", {"STARTTLS": b"STARTTLS BAD what?\r\n"}), "starttls_garbled"),
    # MailKit, bichon: parsers that stumble over LITERAL+, X-words, empty values and a lone plus.
    odd("odd characters in capabilities", "imap",
        {"CAPABILITY": b"* CAPABILITY IMAP4rev1 LITERAL+ + AUTH= X= STARTTLS AUTH=X%\r\n"
                       b"c1 OK\r\n"}),
    # MailKit: an ALERT and an untagged BAD instead of a tagged answer.
    animal("alert and untagged BAD", "imap",
           server("imap", {"CAPABILITY": b"* BAD [ALERT] Please enable access first\r\n"}),
           "starttls_not_offered"),
    # CPython's imaplib, MailKit: POP3 answers where IMAP was expected.
    animal("pop3 on the imap port", "imap", says(b"+OK POP3 ready\r\n"), "wrong_protocol"),
    animal("imap on the pop3 port", "pop3", says(b"* OK IMAP4 ready\r\n"), "wrong_protocol"),
    # offlineimap3 and others: STARTTLS is still on the list inside TLS.
    odd("STARTTLS inside TLS", "smtp", inside={"EHLO": SMTP}),
    odd("STLS inside TLS", "pop3", inside={"CAPA": POP3}),
    # Erlang's ssl: TLS 1.3 without the ChangeCipherSpec that is there for middleboxes.
    animal("TLS 1.3 without middlebox mode", "imaps",
           implicit("imap", tls=without_middlebox_mode),
           versions=MODERN),
    # testssl.sh: a mail proxy refuses who names a protocol of the web by ALPN.
    animal("a proxy that fears ALPN", "imaps", _fears_alpn, versions=MODERN),
    # openssl, imapflow: middleboxes that cannot take a hello beyond some size.
    animal("a middlebox that fears long hellos", "imaps", _fears_long_hellos,
           "handshake_failed"),
)  # fmt: skip
