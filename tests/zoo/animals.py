"""What an animal of the zoo is, and the simple behaviours that many of them have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from certcheck.model.endpoint import _PROTOCOLS as PROTOCOLS
from certcheck.model.endpoint import Scheme
from certcheck.model.observation import OUTCOMES, Outcome, Reason, TlsVersion
from tests.zoo.identities import modern
from tests.zoo.keeper import Behaviour, Visitor
from tests.zoo.manners import Answer, implicit, server

BOTH: tuple[TlsVersion, ...] = ("TLSv1.2", "TLSv1.3")
MODERN: tuple[TlsVersion, ...] = ("TLSv1.3",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Animal:
    """A server, where it lives, and what must be said of it; no reason means that TLS is seen.

    `versions` are those that are seen; None where chance decides. `without_sni` says whether a
    certificate is seen without SNI, too; `shown` whether one is seen at all.
    """

    name: str
    scheme: Scheme
    behaviour: Behaviour
    reason: Reason | None
    versions: tuple[TlsVersion, ...] | None
    without_sni: bool
    shown: bool

    @property
    def outcome(self) -> Outcome:
        return OUTCOMES[self.reason] if self.reason else "seen"


def animal(  # noqa: PLR0913 - as many as an animal has
    name: str,
    scheme: Scheme,
    behaviour: Behaviour,
    reason: Reason | None = None,
    *,
    versions: tuple[TlsVersion, ...] | None = BOTH,
    without_sni: bool = True,
    shown: bool | None = None,
) -> Animal:
    return Animal(
        name=name,
        scheme=scheme,
        behaviour=behaviour,
        reason=reason,
        versions=versions,
        without_sni=without_sni,
        shown=reason is None if shown is None else shown,
    )


def odd(
    name: str,
    scheme: Scheme,
    outside: Mapping[str, Answer] | None = None,
    inside: Mapping[str, Answer] | None = None,
    *,
    stops: bool = False,
) -> Animal:
    """One that is seen all the same; TLS 1.3 only, as a scan is soon done with that.

    `stops` says that it asks to be left alone once TLS is up, so that no more is asked.
    """
    protocol = PROTOCOLS[scheme]

    def behaviour(visitor: Visitor) -> None:
        server(protocol, outside, inside, tls=modern())(visitor)

    return animal(name, scheme, behaviour, versions=MODERN, without_sni=not stops)


def odd_inside(
    name: str, scheme: Scheme, inside: Mapping[str, Answer], *, stops: bool = False
) -> Animal:
    """One that speaks TLS from the start, and is odd in there."""
    protocol = PROTOCOLS[scheme]

    def behaviour(visitor: Visitor) -> None:
        implicit(protocol, inside, tls=modern())(visitor)

    return animal(name, scheme, behaviour, versions=MODERN, without_sni=not stops)


def drips(data: bytes) -> Callable[[Visitor], None]:
    return lambda visitor: visitor.drip(data)


def pauses(*data: bytes, seconds: float = 0.2) -> Callable[[Visitor], None]:
    """Say one after the other, with a rest before each."""

    def answer(visitor: Visitor) -> None:
        for each in data:
            visitor.closing.wait(seconds)
            visitor.say(each)

    return answer


def then(answer: Answer, *rest: Callable[[Visitor], None]) -> Callable[[Visitor], None]:
    """An answer, and what is done after it."""

    def done(visitor: Visitor) -> None:
        if callable(answer):
            answer(visitor)
        else:
            visitor.say(answer)
        for each in rest:
            each(visitor)

    return done


def by_turns(*behaviours: Behaviour) -> Behaviour:
    """The first connection gets the first behaviour, and so on; the last one goes on."""

    def behaviour(visitor: Visitor) -> None:
        behaviours[min(visitor.number, len(behaviours)) - 1](visitor)

    return behaviour


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


ESC = b"\x1b]8;;http://evil.example\x1b\\click\x1b[2J\xe2\x80\xae"
ALERT = b"\x15\x03\x01\x00\x02\x02\x28"
