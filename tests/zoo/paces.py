"""Animals that are slow, dripping, endless, too long, or use bytes that a line should not have."""

from tests.zoo.animals import (
    ESC,
    Animal,
    animal,
    drips,
    endless,
    odd,
    pauses,
    says,
    silent,
    then,
)
from tests.zoo.keeper import Visitor
from tests.zoo.manners import IMAP, POP3, SIEVE, SMTP, implicit, server

_KIB = 1024
# Everything that a terminal would obey: OSC 8, bell, clear, C1's CSI, a bidirectional override.
_LOUD = ESC + b"\x07\x9b31m\xc2\x9b\x7f\x08"


def _smtp_lines(count: int) -> bytes:
    return b"220-x\r\n" * (count - 1) + b"220 x\r\n"


def _tarpit(visitor: Visitor) -> None:
    # A byte now and then, for ever: each read succeeds, and no line is ever done.
    while not visitor.closing.is_set():
        visitor.say(b"2")
        visitor.closing.wait(0.1)


def _longest_line_in_pieces(visitor: Visitor) -> None:
    line = b"* OK ".ljust(8 * _KIB, b"x")
    pauses(line + b"\r", b"\n", seconds=0.05)(visitor)


SLOW: tuple[Animal, ...] = (
    animal("smtp byte by byte", "smtp",
           server("smtp", {"greeting": drips(b"220-a\r\n220 b\r\n"), "EHLO": drips(SMTP)})),
    animal("imap byte by byte", "imap",
           server("imap", {"greeting": drips(b"* OK zoo\r\n"), "CAPABILITY": drips(IMAP)})),
    animal("pop3 byte by byte", "pop3",
           server("pop3", {"greeting": drips(b"+OK zoo\r\n"), "CAPA": drips(POP3)})),
    animal("sieve byte by byte", "sieve", server("sieve", {"greeting": drips(SIEVE)})),
    odd("smtp greets late", "smtp", {"greeting": pauses(b"220 zoo\r\n", seconds=0.5)}),
    odd("imap greets in two segments", "imap", {"greeting": pauses(b"* OK zo", b"o\r\n")}),
    odd("pop3 greets in two segments", "pop3", {"greeting": pauses(b"+", b"OK zoo\r\n")}),
    odd("sieve greets in two segments", "sieve", {"greeting": pauses(SIEVE[:20], SIEVE[20:])}),
    odd("CR and LF in two segments", "smtp",
        {"greeting": pauses(b"220 zoo\r", b"\n", seconds=0.05)}),
    odd("go-ahead in two segments", "imap",
        {"STARTTLS": pauses(b"s1 OK go\r", b"\n", seconds=0.05)}),
    animal("silent inside TLS", "imaps", implicit("imap", {"greeting": silent})),
    *(animal(f"silent {scheme}", scheme, silent, "greeting_timeout")
      for scheme in ("smtp", "submission", "lmtp", "imap", "pop3", "sieve")),
    animal("silent imaps", "imaps", silent, "handshake_timeout"),
    animal("silent after half a greeting", "imap", says(b"* OK zo"), "greeting_timeout"),
    animal("silent after EHLO", "smtp", server("smtp", {"EHLO": silent}), "greeting_timeout"),
    animal("silent in the midst of EHLO", "smtp",
           server("smtp", {"EHLO": then(b"250-zoo\r\n", silent)}), "greeting_timeout"),
    animal("silent after CAPABILITY", "imap", server("imap", {"CAPABILITY": silent}),
           "greeting_timeout"),
    animal("silent in the midst of CAPA", "pop3",
           server("pop3", {"CAPA": then(b"+OK\r\nUIDL\r\n", silent)}), "greeting_timeout"),
    animal("silent after STARTTLS", "imap", server("imap", {"STARTTLS": silent}),
           "handshake_timeout"),
    animal("tarpit", "smtp", _tarpit, "greeting_timeout"),
    # Without a line feed there is no line, so nothing was said.
    animal("carriage returns only", "imap", says(b"* OK zoo\r* OK zoo\r"), "greeting_timeout"),
)  # fmt: skip

LONG: tuple[Animal, ...] = (
    odd("smtp greets with 80 lines", "smtp", {"greeting": _smtp_lines(80)}),
    odd("a line of 8 KiB", "imap",
        {"greeting": b"* OK ".ljust(8 * _KIB, b"x") + b"\r\n"}),
    odd("a line of 8 KiB in pieces", "imap", {"greeting": _longest_line_in_pieces}),
    odd("7 lines of 8 KiB", "smtp", {"greeting": b"220-".ljust(8 * _KIB, b"x") + b"\r\n" +
                                     b"\r\n".join([b"220-".ljust(8 * _KIB, b"x")] * 5) +
                                     b"\r\n220 x\r\n"}),
    animal("a line of 8 KiB and a byte", "imap", says(b"* OK ".ljust(8 * _KIB + 1, b"x") + b"\r\n"),
           "oversized"),
    animal("smtp greets with 101 lines", "smtp", says(_smtp_lines(101)), "oversized"),
    animal("smtp greets with 65 KiB", "smtp",
           says((b"220-".ljust(1022, b"x") + b"\r\n") * 64 + b"220 ".ljust(1022, b"x") + b"\r\n"),
           "oversized"),
    animal("endless greeting", "smtp", endless(b"", b"220-hello\r\n"), "oversized"),
    animal("endless greetings", "smtp", endless(b"", b"220 hello\r\n"), "wrong_protocol"),
    animal("endless imap greetings", "imap", endless(b"", b"* OK hello\r\n"), "oversized"),
    animal("endless pop3 greetings", "pop3", endless(b"", b"+OK hello\r\n"), "oversized"),
    animal("endless line", "imap", endless(b"* OK ", b"x" * 4096), "oversized"),
    animal("endless zeros", "smtp", endless(b"", bytes(4096)), "oversized"),
    animal("endless EHLO", "smtp", server("smtp", {"EHLO": endless(b"", b"250-X\r\n")}),
           "oversized"),
    animal("endless answer to STARTTLS", "smtp",
           server("smtp", {"STARTTLS": endless(b"", b"220-go\r\n")}), "oversized"),
    animal("endless untagged", "imap",
           server("imap", {"CAPABILITY": endless(b"", b"* 1 EXISTS\r\n")}), "oversized"),
    animal("endless continuations", "imap",
           server("imap", {"CAPABILITY": endless(b"", b"+ go on\r\n")}), "oversized"),
    animal("huge literal", "imap",
           server("imap", {"CAPABILITY": b"* LIST {999999999}\r\n"}), "oversized"),
    animal("huge sieve literal", "sieve", says(b'"IMPLEMENTATION" {99999999+}\r\n'), "oversized"),
    animal("endless CAPA", "pop3", server("pop3", {"CAPA": endless(b"+OK\r\n", b"X\r\n")}),
           "oversized"),
    animal("endless capabilities", "sieve", endless(b"", b'"X" "Y"\r\n'), "oversized"),
    odd("endless EHLO inside TLS", "smtp", inside={"EHLO": endless(b"", b"250-X\r\n")}),
    odd("endless goodbye", "imap", inside={"LOGOUT": endless(b"", b"* BYE bye\r\n")}),
)  # fmt: skip

BYTES: tuple[Animal, ...] = (
    animal("smtp not UTF-8", "smtp", server("smtp", {"greeting": b"220 caf\xe9 \xff\xfe\r\n"})),
    animal("imap escape sequences", "imap",
           server("imap", {"greeting": b"* OK " + ESC + b"\r\n"})),
    animal("pop3 escape sequences", "pop3", server("pop3", {"greeting": b"+OK " + ESC + b"\r\n"})),
    animal("smtp escape in keyword", "smtp",
           server("smtp", {"EHLO": b"250-zoo\r\n250-X" + ESC + b"\r\n250 starttls\r\n"})),
    animal("smtp bare line feeds", "smtp", server("smtp", {"EHLO": SMTP.replace(b"\r", b"")})),
    odd("imap bare line feeds", "imap",
        {"greeting": b"* OK zoo\n", "CAPABILITY": IMAP.replace(b"\r", b"")}),
    odd("pop3 bare line feeds", "pop3",
        {"greeting": b"+OK zoo\n", "CAPA": POP3.replace(b"\r", b"")}),
    odd("sieve bare line feeds", "sieve", {"greeting": SIEVE.replace(b"\r", b"")}),
    odd("two carriage returns a line", "smtp", {"EHLO": SMTP.replace(b"\r", b"\r\r")}),
    odd("a carriage return in a line", "imap", {"greeting": b"* OK zo\ro\r\n"}),
    odd("null bytes", "imap", {"greeting": b"* OK zoo\0\0\r\n"}),
    odd("null bytes in a keyword", "smtp", {"EHLO": b"250-zoo\r\n250-A\0B\r\n250 STARTTLS\r\n"}),
    odd("loud smtp", "smtp", {"greeting": b"220 " + _LOUD + b"\r\n",
                              "EHLO": b"250-" + _LOUD + b"\r\n250-" + _LOUD
                              + b"\r\n250 STARTTLS\r\n"},
        {"EHLO": b"250-zoo\r\n250 AUTH " + _LOUD + b"\r\n"}),
    odd("loud imap", "imap", {"CAPABILITY": b"* CAPABILITY IMAP4rev1 " + _LOUD
                              + b" STARTTLS AUTH=" + _LOUD + b"\r\nc1 OK " + _LOUD + b"\r\n"}),
    odd("loud pop3", "pop3", {"CAPA": b"+OK\r\n" + _LOUD + b"\r\nSTLS\r\nSASL " + _LOUD
                              + b"\r\n.\r\n"}),
    odd("loud sieve", "sieve", {"greeting": b'"IMPLEMENTATION" "' + _LOUD
                                + b'"\r\n"STARTTLS"\r\nOK\r\n'}),
    animal("loud refusal", "smtp", says(b"554 " + _LOUD + b"\r\n"), "rejected_554"),
    animal("loud goodbye", "imap", says(b"* BYE " + _LOUD + b"\r\n"), "bye"),
    animal("loud injection", "pop3", server("pop3", {"STLS": b"+OK go\r\n" + _LOUD}),
           "injected_bytes"),
    animal("loud plain text on the TLS port", "imaps", says(b"* OK " + _LOUD + b"\r\n"),
           "plain_on_tls_port"),
)  # fmt: skip

PACES = (*SLOW, *LONG, *BYTES)
