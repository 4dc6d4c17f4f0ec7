"""Servers of one mailbox each, behind TLS, with the answers that a test wants."""

import re
from collections.abc import Callable, Mapping, Sequence

from tests.zoo.identities import context
from tests.zoo.keeper import Behaviour, Visitor

Answer = bytes | Callable[[Visitor], None]

CAPABILITY = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n%T OK\r\n"
IMAP: Mapping[str, Answer] = {
    "greeting": b"* OK zoo\r\n",
    "CAPABILITY": CAPABILITY,
    "AUTHENTICATE": b"%T OK in\r\n",
    "LOGIN": b"%T OK in\r\n",
    'LIST "" ""': b'* LIST (\\Noselect) "/" ""\r\n%T OK\r\n',
    'LIST "" "*"': b'* LIST () "/" INBOX\r\n%T OK\r\n',
    "LSUB": b"%T OK\r\n",
    "STATUS": b"* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 UNSEEN 1)\r\n%T OK\r\n",
    "LOGOUT": b"* BYE\r\n%T OK\r\n",
}
POP3: Mapping[str, Answer] = {
    "greeting": b"+OK zoo\r\n",
    "CAPA": b"+OK\r\nUIDL\r\nSASL PLAIN\r\n.\r\n",
    "AUTH": b"+OK\r\n",
    "USER": b"+OK\r\n",
    "PASS": b"+OK\r\n",
    "STAT": b"+OK 2 300\r\n",
    "UIDL": b"+OK\r\n1 a\r\n2 b\r\n.\r\n",
    "QUIT": b"+OK\r\n",
}
SIEVE: Mapping[str, Answer] = {
    "greeting": b'"IMPLEMENTATION" "zoo"\r\n"SIEVE" "fileinto"\r\n"SASL" "PLAIN"\r\nOK\r\n',
    "AUTHENTICATE": b"OK\r\n",
    "LISTSCRIPTS": b'"a"\r\n"b" ACTIVE\r\nOK\r\n',
    "LOGOUT": b"OK\r\n",
}
_TAG = re.compile(rb"[a-z]\d* ")


def box(
    answers: Mapping[str, Answer],
    *changes: Mapping[str, Answer],
    heard: list[bytes] | None = None,
    starttls: Sequence[tuple[bytes, bytes]] = (),
) -> Behaviour:
    """A server that answers as told; `%T` is the tag, and the longest key that fits counts.

    `starttls` is what is said and heard before TLS, by turns. `heard` gets every line.
    """
    known = {key: value for each in (answers, *changes) for key, value in each.items()}

    def behaviour(visitor: Visitor) -> None:
        for said, wanted in starttls:
            visitor.say(said)
            while wanted and wanted not in _noted(visitor, heard):
                pass
        visitor.tls(context())
        _give(visitor, known["greeting"], b"")
        rest = b""
        while rest.upper() not in (b"LOGOUT", b"QUIT"):
            tag, rest = _split(_noted(visitor, heard))
            keys = [key for key in known if rest.upper().startswith(key.upper().encode())]
            _give(visitor, known[max(keys, key=len)] if keys else b"", tag)

    return behaviour


def _split(line: bytes) -> tuple[bytes, bytes]:
    tag = _TAG.match(line)
    return (tag[0].strip(), line[tag.end() :]) if tag else (b"", line)


def _noted(visitor: Visitor, heard: list[bytes] | None) -> bytes:
    line = visitor.hear()
    if heard is not None:
        heard.append(line)
    return line


def _give(visitor: Visitor, answer: Answer, tag: bytes) -> None:
    if callable(answer):
        answer(visitor)
    else:
        visitor.say(answer.replace(b"%T", tag))
