"""Animals that speak IMAP, each with one odd word."""

from tests.zoo.animals import Animal, animal, hangs_up, odd, odd_inside, says, silent
from tests.zoo.manners import IMAP, IMAP_INSIDE, server

_NOISE = (
    b"* FLAGS (\\Seen)\r\n* 3 EXISTS\r\n* 0 RECENT\r\n* OK [ALERT] mind the step\r\n"
    b'* NO [ALERT] disk\r\n* ENABLED\r\n* LIST () "/" x\r\n* \r\n'
)  # fmt: skip
_WORDS = b"IMAP4rev1 STARTTLS"


def _capability(answer: bytes) -> dict[str, bytes]:
    return {"CAPABILITY": answer + b"c1 OK done\r\n"}


SEEN: tuple[Animal, ...] = (
    animal("imap capabilities in greeting", "imap",
           server("imap", {"greeting": b"* ok [capability imap4rev1 starttls] zoo\r\n"})),
    animal("imap literal and untagged", "imap",
           server("imap", {"CAPABILITY": b"* 3 EXISTS\r\n* LIST () {4}\r\nc1 O\r\n* OK odd {9}\r\n"
                           + IMAP})),
    odd("imap greets in mixed case", "imap", {"greeting": b"* oK zoo\r\n"}),
    odd("imap greets without a text", "imap", {"greeting": b"* OK\r\n"}),
    odd("imap keywords in mixed case", "imap", _capability(b"* Capability imap4REV1 StartTls\r\n")),
    odd("imap STARTTLS comes first", "imap", _capability(b"* CAPABILITY STARTTLS IMAP4rev1\r\n")),
    odd("imap keywords twice", "imap", _capability(b"* CAPABILITY " + _WORDS * 3 + b" STARTTLS\r\n"
                                                   b"* CAPABILITY STARTTLS\r\n")),
    odd("imap spaces around keywords", "imap", _capability(b"* CAPABILITY  STARTTLS   X  \r\n")),
    odd("imap noise before the answer", "imap", {"CAPABILITY": _NOISE + IMAP}),
    odd("imap noise behind the answer", "imap",
        _capability(b"* CAPABILITY " + _WORDS + b"\r\n" + _NOISE)),
    odd("imap noise before the go-ahead", "imap", {"STARTTLS": _NOISE + b"s1 OK go\r\n"}),
    # RFC 9051 7.1: the response code CAPABILITY may stand in any OK.
    odd("imap capabilities in the tagged OK", "imap",
        {"CAPABILITY": b"c1 OK [CAPABILITY " + _WORDS + b"] done\r\n"}),
    odd("imap capabilities in an untagged OK", "imap",
        _capability(b"* OK [CAPABILITY " + _WORDS + b"] here\r\n")),
    odd("imap capabilities in the go-ahead", "imap",
        {"STARTTLS": b"s1 OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] go\r\n"}),
    *(odd(f"imap literal {mark.decode()}", "imap", _capability(
        b"* LIST " + mark + b"\r\n" + body + b"\r\n* CAPABILITY " + _WORDS + b"\r\n"))
      for mark, body in ((b"{0}", b""), (b"{5+}", b"c1 OK"), (b"~{5}", b"c1 NO"),
                         (b"{4}", b"\r\nc1"))),
    odd("imap continuation out of place", "imap", {"CAPABILITY": b"+ go on\r\n" + IMAP}),
    odd("imap capabilities unasked inside TLS", "imap",
        inside={"greeting": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"}),
    odd("imap noise inside TLS", "imap", inside={"CAPABILITY": _NOISE + IMAP_INSIDE}),
    odd("imap BYE inside TLS", "imap", inside={"CAPABILITY": b"* BYE shutting down\r\n"},
        stops=True),
    odd("imap leaves without BYE", "imap", inside={"LOGOUT": b"z OK\r\n"}),
    odd("imap never says goodbye", "imap", inside={"LOGOUT": silent}),
    odd("imap hangs up instead of a goodbye", "imap", inside={"LOGOUT": hangs_up}),
    odd("imap CAPABILITY is BAD inside TLS", "imap", inside={"CAPABILITY": b"c1 BAD what\r\n"}),
    odd_inside("imaps BYE", "imaps", {"greeting": b"* BYE shutting down\r\n"}, stops=True),
    odd_inside("imaps too many", "imaps", {"greeting": b"* BYE Too many connections\r\n"},
               stops=True),
    odd_inside("imaps PREAUTH", "imaps", {"greeting": b"* PREAUTH hello\r\n"}),
)  # fmt: skip

UNSEEN: tuple[Animal, ...] = (
    animal("imap without STARTTLS", "imap",
           server("imap", _capability(b"* CAPABILITY IMAP4rev1\r\n")), "starttls_not_offered"),
    animal("imap without capabilities", "imap", server("imap", {"CAPABILITY": b"c1 NO\r\n"}),
           "starttls_not_offered"),
    animal("imap too many", "imap", says(b"* BYE Too many connections\r\n"), "rate_limited"),
    animal("imap BYE", "imap", says(b"* BYE shutting down\r\n"), "bye"),
    animal("imap BYE for capabilities", "imap", server("imap", {"CAPABILITY": b"* BYE\r\n"}),
           "bye"),
    animal("imap BYE behind the greeting", "imap", says(b"* OK zoo\r\n* BYE no\r\n"), "bye"),
    animal("imap BYE in answer", "imap", server("imap", {"STARTTLS": b"* BYE no. OK\r\n"}), "bye"),
    animal("imap STARTTLS NO", "imap", server("imap", {"STARTTLS": b"s1 NO sorry\r\n"}),
           "tls_unavailable_454"),
    animal("imap STARTTLS BAD", "imap", server("imap", {"STARTTLS": b"s1 BAD what\r\n"}),
           "tls_unavailable_454"),
    animal("imap STARTTLS untagged BAD", "imap", server("imap", {"STARTTLS": b"* BAD what\r\n"}),
           "tls_unavailable_454"),
    animal("imap go-ahead with another tag", "imap",
           server("imap", {"STARTTLS": b"x9 OK go\r\n"}), "starttls_garbled"),
    animal("imap go-ahead without a tag", "imap", server("imap", {"STARTTLS": b"OK go\r\n"}),
           "starttls_garbled"),
    animal("imap continuation for a go-ahead", "imap", server("imap", {"STARTTLS": b"+ go\r\n"}),
           "starttls_garbled"),
    animal("imap PREAUTH", "imap",
           says(b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n"), "preauth"),
    animal("imap preauth in small letters", "imap", says(b"* preauth hello\r\n"), "preauth"),
    animal("imap injects", "imap",
           server("imap", {"STARTTLS": b"s1 OK go\r\n* CAPABILITY AUTH=PLAIN\r\n"}),
           "injected_bytes"),
    animal("imap OK twice", "imap", server("imap", {"STARTTLS": b"s1 OK go\r\ns1 OK go\r\n"}),
           "injected_bytes"),
    animal("imap answers with another tag", "imap",
           server("imap", {"CAPABILITY": b"* CAPABILITY STARTTLS\r\nx9 OK\r\n"}), "wrong_protocol"),
)  # fmt: skip

IMAP_ANIMALS = (*SEEN, *UNSEEN)
