"""Animals that speak SMTP or LMTP, each with one odd word."""

from tests.zoo.animals import (
    Animal,
    animal,
    answers_hello,
    by_turns,
    hangs_up,
    odd,
    odd_inside,
    says,
)
from tests.zoo.manners import server


def _ehlo(*words: bytes) -> bytes:
    lines = [b"mail.example.test", *words]
    marks = [b"-"] * (len(lines) - 1) + [b" "]
    return b"".join(b"250" + m + word + b"\r\n" for m, word in zip(marks, lines, strict=True))


_NO_TLS = _ehlo(b"SIZE 1")

SEEN: tuple[Animal, ...] = (
    odd("codes differ in a greeting", "smtp", {"greeting": b"250-hello\r\n220 zoo\r\n"}),
    odd("codes differ in a go-ahead", "smtp", {"STARTTLS": b"250-well\r\n220 go\r\n"}),
    odd("greeting of three lines", "smtp", {"greeting": b"220-a\r\n220-b\r\n220 c\r\n"}),
    odd("go-ahead of two lines", "smtp", {"STARTTLS": b"220-wait\r\n220 go\r\n"}),
    odd("EHLO without the domain", "smtp", {"EHLO": b"250-\r\n250 STARTTLS\r\n"}),
    odd("keywords in mixed case", "smtp", {"EHLO": _ehlo(b"sIzE 1", b"StartTls", b"auth Plain")}),
    odd("STARTTLS comes first", "smtp", {"EHLO": _ehlo(b"STARTTLS", b"SIZE", b"8BITMIME")}),
    odd("keywords twice", "smtp", {"EHLO": _ehlo(*(b"STARTTLS", b"SIZE 1", b"SIZE 2") * 2)}),
    odd("STARTTLS with spaces", "smtp", {"EHLO": _ehlo(b"STARTTLS  ", b"SIZE")}),
    odd("STARTTLS with arguments", "smtp", {"EHLO": _ehlo(b"SIZE", b"STARTTLS required now")}),
    odd("a size beyond all bounds", "smtp", {"EHLO": _ehlo(b"SIZE " + b"9" * 99, b"STARTTLS")}),
    odd("lmtp in mixed case", "lmtp", {"LHLO": _ehlo(b"starttls")}),
    animal("421 for the second connection", "smtp",
           by_turns(server("smtp"), says(b"421 too many\r\n"), server("smtp"))),
    odd("421 inside TLS", "smtp", inside={"EHLO": b"421 4.7.0 too many\r\n"}, stops=True),
    odd_inside("421 for a greeting inside TLS", "submissions",
               {"greeting": b"421 4.7.0 too many\r\n"}, stops=True),
    odd_inside("554 for a greeting inside TLS", "submissions", {"greeting": b"554 go away\r\n"}),
    odd("421 for a goodbye", "smtp", inside={"QUIT": b"421 too slow\r\n"}, stops=True),
    odd("hangs up instead of a goodbye", "smtp", inside={"QUIT": hangs_up}),
    odd("EHLO is refused inside TLS", "smtp", inside={"EHLO": b"550 no\r\n"}),
)  # fmt: skip

BUSY: tuple[Animal, ...] = (
    animal("smtp 421", "smtp", says(b"421 4.7.0 too many connections\r\n"), "rate_limited"),
    animal("smtp 421 of two lines", "smtp", says(b"421-a\r\n421 b\r\n"), "rate_limited"),
    animal("smtp 421 after EHLO", "smtp", server("smtp", {"EHLO": b"421 busy\r\n"}),
           "rate_limited"),
    animal("smtp 421 instead of go-ahead", "smtp", server("smtp", {"STARTTLS": b"421 busy\r\n"}),
           "rate_limited"),
    animal("smtp 421 instead of a ServerHello", "smtp",
           server("smtp", tls=answers_hello(b"421 busy\r\n")), "rate_limited"),
    animal("smtp 450", "smtp", says(b"450 later\r\n"), "rate_limited"),
    animal("smtp too many after EHLO", "smtp",
           server("smtp", {"EHLO": b"451 4.7.1 Too many sessions\r\n"}), "rate_limited"),
    animal("421 on the TLS port", "submissions", says(b"421 too many\r\n"), "rate_limited"),
    animal("lmtp 421", "lmtp", says(b"421 later\r\n"), "rate_limited"),
    # RFC 5321 4.2.3: 221 closes the channel; for a greeting it is a goodbye.
    animal("smtp 221", "smtp", says(b"221 zoo closes\r\n"), "bye"),
    animal("smtp 221 after EHLO", "smtp", server("smtp", {"EHLO": b"221 bye\r\n"}), "bye"),
)  # fmt: skip

REFUSING: tuple[Animal, ...] = (
    animal("smtp 554", "smtp", says(b"554-no\r\n554 service\r\n"), "rejected_554"),
    animal("smtp 521", "smtp", says(b"521 does not accept mail\r\n"), "rejected_554"),
    animal("smtp 220, but 554", "smtp", says(b"220-hello\r\n554 no\r\n"), "rejected_554"),
    *(animal(f"our name is refused with {answer[:3].decode()}", "smtp",
             server("smtp", {"EHLO": answer}), "rejected_554")
      for answer in (b"450 4.7.1 <corporate.example>: Helo command rejected: not found\r\n",
                     b"501 5.5.4 invalid domain name\r\n",
                     b"504 5.5.2 <x>: Helo command rejected: need a name\r\n",
                     b"550-5.7.1 go\r\n550 5.7.1 away\r\n",
                     b"554 5.7.1 no\r\n")),
    animal("our name is refused by lmtp", "lmtp", server("lmtp", {"LHLO": b"550 no\r\n"}),
           "rejected_554"),
)  # fmt: skip

WITHOUT_TLS: tuple[Animal, ...] = (
    animal("smtp without STARTTLS", "smtp", server("smtp", {"EHLO": _NO_TLS}),
           "starttls_not_offered"),
    animal("lmtp without STARTTLS", "lmtp", server("lmtp", {"LHLO": _NO_TLS}),
           "starttls_not_offered"),
    animal("EHLO of one line", "smtp", server("smtp", {"EHLO": b"250 zoo\r\n"}),
           "starttls_not_offered"),
    # RFC 5321 4.1.1.1: the first line is a name, whatever it looks like.
    animal("a server called STARTTLS", "smtp", server("smtp", {"EHLO": b"250 STARTTLS\r\n"}),
           "starttls_not_offered"),
    animal("STARTTLS as an argument", "smtp",
           server("smtp", {"EHLO": _ehlo(b"X STARTTLS", b"XSTARTTLS")}), "starttls_not_offered"),
    *(animal(f"smtp without EHLO: {answer[:3].decode()}", "smtp",
             server("smtp", {"EHLO": answer}), "starttls_not_offered")
      for answer in (b"500 what?\r\n", b"502 not implemented\r\n", b"504 what?\r\n")),
    *(animal(f"smtp {answer[:3].decode()} for STARTTLS", "smtp",
             server("smtp", {"STARTTLS": answer}), "tls_unavailable_454")
      for answer in (b"454 4.7.0 TLS not available\r\n", b"501 no\r\n", b"502 no\r\n")),
    animal("middlebox masks STARTTLS", "smtp",
           server("smtp", {"EHLO": b"250-zoo\r\n250-SIZE 1\r\n250 XXXXXXXA\r\n"}),
           "starttls_garbled"),
    *(animal(f"smtp go-ahead is {answer.decode().strip()!r}", "smtp",
             server("smtp", {"STARTTLS": answer}), "starttls_garbled")
      for answer in (b"whatever\r\n", b"250 OK\r\n", b"354 go on\r\n", b"22 go\r\n", b"\r\n")),
    animal("smtp answers before it is asked", "smtp",
           server("smtp", {"greeting": b"220 zoo\r\n" + _ehlo(b"STARTTLS")}), "starttls_garbled"),
    animal("smtp injects", "smtp", server("smtp", {"STARTTLS": b"220 go\r\n250 injected\r\n"}),
           "injected_bytes"),
    animal("smtp 220 twice", "smtp", server("smtp", {"STARTTLS": b"220 go\r\n220 go\r\n"}),
           "injected_bytes"),
    animal("smtp 220, then 421", "smtp", server("smtp", {"STARTTLS": b"220 go\r\n421 no\r\n"}),
           "injected_bytes"),
    animal("lmtp injects", "lmtp", server("lmtp", {"STARTTLS": b"220 go\r\n\0"}), "injected_bytes"),
    animal("text for a ServerHello", "smtp", server("smtp", tls=answers_hello(b"oops, no\r\n")),
           "handshake_failed"),
)  # fmt: skip

SMTP_ANIMALS = (*SEEN, *BUSY, *REFUSING, *WITHOUT_TLS)
