"""The zoo: every behaviour with the outcome and the reason that is right for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from certcheck.model.endpoint import Scheme
from certcheck.model.observation import OUTCOMES, Outcome, Reason
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.manners import IMAP, POP3, SIEVE, SMTP, Answer, implicit, server


@dataclass(frozen=True, slots=True, kw_only=True)
class Animal:
    """A server, where it lives, and what must be said of it; no reason means that TLS is seen."""

    name: str
    scheme: Scheme
    behaviour: Behaviour
    reason: Reason | None = None

    @property
    def outcome(self) -> Outcome:
        return OUTCOMES[self.reason] if self.reason else "seen"


def drips(data: bytes) -> Callable[[Visitor], None]:
    return lambda visitor: visitor.drip(data)


def says(*data: bytes) -> Behaviour:
    """Say it, then stay until the client goes."""

    def behaviour(visitor: Visitor) -> None:
        for each in data:
            visitor.say(each)
        visitor.stay_silent()

    return behaviour


def silent(visitor: Visitor) -> None:
    visitor.stay_silent()


def closes(_: Visitor) -> None:
    pass


def hangs_up(visitor: Visitor) -> None:
    visitor.sock.close()


def endless(start: bytes, line: bytes) -> Behaviour:
    def behaviour(visitor: Visitor) -> None:
        visitor.say(start)
        while not visitor.closing.is_set():
            visitor.say(line)

    return behaviour


def closes_after_hello(visitor: Visitor) -> None:
    visitor.hear_bytes()


def resets_after_hello(visitor: Visitor) -> None:
    visitor.hear_bytes()
    visitor.reset()


def answers_hello(*data: bytes) -> Behaviour:
    def behaviour(visitor: Visitor) -> None:
        visitor.hear_bytes()
        for each in data:
            visitor.say(each)
        visitor.stay_silent()

    return behaviour


def endless_handshake(visitor: Visitor) -> None:
    visitor.hear_bytes()
    endless(b"", b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 200)(visitor)


def stays_in_plain_text(visitor: Visitor) -> None:
    visitor.say(b"220 zoo\r\n")
    while True:
        visitor.hear()
        visitor.say(b"500 what?\r\n")


PLAIN: Mapping[str, tuple[Scheme, dict[str, Answer]]] = {
    "smtp": ("smtp", {"EHLO": b"250-zoo\r\n250 SIZE 1\r\n"}),
    "lmtp": ("lmtp", {"LHLO": b"250-zoo\r\n250 SIZE 1\r\n"}),
    "imap": ("imap", {"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\nc1 OK x\r\n"}),
    "pop3": ("pop3", {"CAPA": b"+OK\r\nUIDL\r\n.\r\n"}),
    "sieve": ("sieve", {"greeting": b'"IMPLEMENTATION" "zoo"\r\nOK\r\n'}),
}
ESC = b"\x1b]8;;http://evil.example\x1b\\click\x1b[2J\xe2\x80\xae"
ALERT = b"\x15\x03\x01\x00\x02\x02\x28"


def _animal(
    name: str, scheme: Scheme, behaviour: Behaviour, reason: Reason | None = None
) -> Animal:
    return Animal(name=name, scheme=scheme, behaviour=behaviour, reason=reason)


TAME = (
    _animal("smtp", "smtp", server("smtp")),
    _animal("submission", "submission", server("smtp")),
    _animal("lmtp", "lmtp", server("lmtp")),
    _animal("imap", "imap", server("imap")),
    _animal("pop3", "pop3", server("pop3")),
    _animal("sieve", "sieve", server("sieve")),
    _animal("imaps", "imaps", implicit("imap")),
    _animal("pop3s", "pop3s", implicit("pop3")),
    _animal("submissions", "submissions", implicit("smtp")),
)

ODD = (
    _animal("smtp byte by byte", "smtp",
            server("smtp", {"greeting": drips(b"220-a\r\n220 b\r\n"), "EHLO": drips(SMTP)})),
    _animal("imap byte by byte", "imap",
            server("imap", {"greeting": drips(b"* OK zoo\r\n"), "CAPABILITY": drips(IMAP)})),
    _animal("pop3 byte by byte", "pop3",
            server("pop3", {"greeting": drips(b"+OK zoo\r\n"), "CAPA": drips(POP3)})),
    _animal("sieve byte by byte", "sieve", server("sieve", {"greeting": drips(SIEVE)})),
    _animal("smtp not UTF-8", "smtp", server("smtp", {"greeting": b"220 caf\xe9 \xff\xfe\r\n"})),
    _animal("imap escape sequences", "imap",
            server("imap", {"greeting": b"* OK " + ESC + b"\r\n"})),
    _animal("pop3 escape sequences", "pop3", server("pop3", {"greeting": b"+OK " + ESC + b"\r\n"})),
    _animal("smtp escape in keyword", "smtp",
            server("smtp", {"EHLO": b"250-zoo\r\n250-X" + ESC + b"\r\n250 starttls\r\n"})),
    _animal("smtp bare line feeds", "smtp", server("smtp", {"EHLO": SMTP.replace(b"\r", b"")})),
    _animal("imap capabilities in greeting", "imap",
            server("imap", {"greeting": b"* ok [capability imap4rev1 starttls] zoo\r\n"})),
    _animal("imap literal and untagged", "imap",
            server("imap", {"CAPABILITY": b"* 3 EXISTS\r\n* LIST () {4}\r\nc1 O\r\n* OK odd {9}\r\n"
                            + IMAP})),
    _animal("pop3 without CAPA", "pop3", server("pop3", {"CAPA": b"-ERR what?\r\n"})),
    _animal("sieve literal", "sieve",
            server("sieve",
                   {"greeting": b'"IMPLEMENTATION" {5}\r\nz"\\oo\r\n"STARTTLS"\r\nOK\r\n'})),
    _animal("silent inside TLS", "imaps", implicit("imap", {"greeting": silent})),
)  # fmt: skip

WILD = (
    *(_animal(f"{name} without STARTTLS", scheme, server(name, answers), "starttls_not_offered")
      for name, (scheme, answers) in PLAIN.items()),
    *(_animal(f"silent {scheme}", scheme, silent, "greeting_timeout")
      for scheme in ("smtp", "imap", "sieve")),
    _animal("silent imaps", "imaps", silent, "handshake_timeout"),
    _animal("silent after STARTTLS", "imap", server("imap", {"STARTTLS": silent}),
            "handshake_timeout"),
    _animal("silent after go-ahead", "smtp", server("smtp", tls=silent), "handshake_timeout"),
    _animal("stalls in mid-record", "imap",
            server("imap", tls=answers_hello(b"\x16\x03\x03\x00\x7a\x02\x00")),
            "handshake_timeout"),
    _animal("closes at once", "smtp", closes, "unreachable"),
    _animal("smtp 421", "smtp", says(b"421 4.7.0 too many connections\r\n"), "rate_limited"),
    _animal("smtp 421 after EHLO", "smtp", server("smtp", {"EHLO": b"421 busy\r\n"}),
            "rate_limited"),
    _animal("smtp 421 instead of go-ahead", "smtp", server("smtp", {"STARTTLS": b"421 busy\r\n"}),
            "rate_limited"),
    _animal("smtp 450", "smtp", says(b"450 later\r\n"), "rate_limited"),
    _animal("smtp too many after EHLO", "smtp",
            server("smtp", {"EHLO": b"451 4.7.1 Too many sessions\r\n"}), "rate_limited"),
    _animal("421 on the TLS port", "submissions", says(b"421 too many\r\n"), "rate_limited"),
    _animal("imap too many", "imap", says(b"* BYE Too many connections\r\n"), "rate_limited"),
    _animal("pop3 too many", "pop3", says(b"-ERR [SYS/TEMP] too many\r\n"), "rate_limited"),
    _animal("imap BYE", "imap", says(b"* BYE shutting down\r\n"), "bye"),
    _animal("imap BYE in answer", "imap", server("imap", {"STARTTLS": b"* BYE no. OK\r\n"}), "bye"),
    _animal("sieve BYE", "sieve", says(b'BYE "go away"\r\n'), "bye"),
    _animal("smtp 554", "smtp", says(b"554-no\r\n554 service\r\n"), "rejected_554"),
    *(_animal(f"our name is refused with {answer[:3].decode()}", "smtp",
              server("smtp", {"EHLO": answer}), "rejected_554")
      for answer in (b"450 4.7.1 <corporate.example>: Helo command rejected: not found\r\n",
                     b"501 5.5.4 invalid domain name\r\n",
                     b"504 5.5.2 <x>: Helo command rejected: need a name\r\n",
                     b"550-5.7.1 go\r\n550 5.7.1 away\r\n",
                     b"554 5.7.1 no\r\n")),
    _animal("our name is refused by lmtp", "lmtp", server("lmtp", {"LHLO": b"550 no\r\n"}),
            "rejected_554"),
    *(_animal(f"smtp without EHLO: {answer[:3].decode()}", "smtp",
              server("smtp", {"EHLO": answer}), "starttls_not_offered")
      for answer in (b"500 what?\r\n", b"502 not implemented\r\n", b"504 what?\r\n")),
    _animal("smtp 220 for an answer to EHLO", "smtp", server("smtp", {"EHLO": b"220 zoo\r\n"}),
            "wrong_protocol"),
    _animal("smtp 454", "smtp",
            server("smtp", {"STARTTLS": b"454 4.7.0 TLS not available\r\n"}),
            "tls_unavailable_454"),
    _animal("imap STARTTLS NO", "imap", server("imap", {"STARTTLS": b"s1 NO sorry\r\n"}),
            "tls_unavailable_454"),
    _animal("imap STARTTLS untagged BAD", "imap", server("imap", {"STARTTLS": b"* BAD what\r\n"}),
            "tls_unavailable_454"),
    _animal("pop3 STLS -ERR", "pop3", server("pop3", {"STLS": b"-ERR sorry\r\n"}),
            "tls_unavailable_454"),
    _animal("pop3 knows neither CAPA nor STLS", "pop3",
            server("pop3", {"CAPA": b"-ERR what\r\n", "STLS": b"-ERR what\r\n"}),
            "starttls_not_offered"),
    _animal("middlebox masks STARTTLS", "smtp",
            server("smtp", {"EHLO": b"250-zoo\r\n250-SIZE 1\r\n250 XXXXXXXA\r\n"}),
            "starttls_garbled"),
    _animal("smtp go-ahead is no reply", "smtp", server("smtp", {"STARTTLS": b"whatever\r\n"}),
            "starttls_garbled"),
    _animal("imap go-ahead with another tag", "imap",
            server("imap", {"STARTTLS": b"x9 OK go\r\n"}), "starttls_garbled"),
    _animal("pop3 go-ahead is no reply", "pop3", server("pop3", {"STLS": b"OK go\r\n"}),
            "starttls_garbled"),
    _animal("sieve go-ahead is no reply", "sieve", server("sieve", {"STARTTLS": b"220 go\r\n"}),
            "starttls_garbled"),
    _animal("imap PREAUTH", "imap",
            says(b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n"), "preauth"),
    _animal("smtp injects", "smtp", server("smtp", {"STARTTLS": b"220 go\r\n250 injected\r\n"}),
            "injected_bytes"),
    _animal("imap injects", "imap",
            server("imap", {"STARTTLS": b"s1 OK go\r\n* CAPABILITY AUTH=PLAIN\r\n"}),
            "injected_bytes"),
    _animal("pop3 injects", "pop3", server("pop3", {"STLS": b"+OK go\r\n+OK more"}),
            "injected_bytes"),
    _animal("sieve injects", "sieve", server("sieve", {"STARTTLS": b"OK\r\nOK\r\n"}),
            "injected_bytes"),
    _animal("smtp on the TLS port", "submissions", stays_in_plain_text, "plain_on_tls_port"),
    _animal("imap on the TLS port", "imaps", says(b"* OK zoo\r\n"), "plain_on_tls_port"),
    _animal("pop3 on the TLS port", "pop3s", drips(b"+OK zoo\r\n"), "plain_on_tls_port"),
    _animal("TLS on the imap port", "imap", implicit("imap"), "tls_on_plain_port"),
    _animal("TLS on the smtp port", "smtp", implicit("smtp"), "tls_on_plain_port"),
    _animal("TLS alert for a greeting", "imap", says(ALERT), "tls_on_plain_port"),
    _animal("smtp on the imap port", "imap", says(b"220 zoo ESMTP\r\n"), "wrong_protocol"),
    _animal("imap on the smtp port", "smtp", says(b"* OK zoo\r\n"), "wrong_protocol"),
    _animal("ssh on the pop3 port", "pop3", says(b"SSH-2.0-zoo\r\n"), "wrong_protocol"),
    _animal("http on the sieve port", "sieve", says(b"HTTP/1.1 400 no\r\n"), "wrong_protocol"),
    _animal("smtp on the lmtp port", "lmtp", stays_in_plain_text, "wrong_protocol"),
    _animal("lmtp on the smtp port", "smtp", server("smtp", {"EHLO": b"503 use LHLO\r\n"}),
            "wrong_protocol"),
    _animal("endless greeting", "smtp", endless(b"", b"220-hello\r\n"), "oversized"),
    _animal("endless line", "imap", endless(b"* OK ", b"x" * 4096), "oversized"),
    _animal("endless untagged", "imap",
            server("imap", {"CAPABILITY": endless(b"", b"* 1 EXISTS\r\n")}), "oversized"),
    _animal("huge literal", "imap",
            server("imap", {"CAPABILITY": b"* LIST {999999999}\r\n"}), "oversized"),
    _animal("endless CAPA", "pop3", server("pop3", {"CAPA": endless(b"+OK\r\n", b"X\r\n")}),
            "oversized"),
    _animal("endless capabilities", "sieve", endless(b"", b'"X" "Y"\r\n'), "oversized"),
    _animal("closes when asked for TLS", "pop3", server("pop3", {"STLS": hangs_up}),
            "closed_after_go_ahead"),
    _animal("closes after go-ahead", "smtp", server("smtp", tls=closes_after_hello),
            "closed_after_go_ahead"),
    _animal("resets after go-ahead", "imap", server("imap", tls=resets_after_hello),
            "closed_after_go_ahead"),
    _animal("closes on TLS hello", "imaps", closes_after_hello, "handshake_failed"),
    _animal("resets on TLS hello", "imaps", resets_after_hello, "handshake_failed"),
    _animal("garbage for a ServerHello", "imap",
            server("imap", tls=answers_hello(b"\x00\xff" * 40)), "handshake_failed"),
    _animal("text for a ServerHello", "smtp", server("smtp", tls=answers_hello(b"oops, no\r\n")),
            "handshake_failed"),
    _animal("alert for a ServerHello", "pop3s", answers_hello(ALERT), "handshake_failed"),
    _animal("endless TLS handshake", "imaps", endless_handshake, "oversized"),
)  # fmt: skip

ZOO = (*TAME, *ODD, *WILD)
