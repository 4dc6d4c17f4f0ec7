import socket
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from certcheck.dns import NameServer, Resolver, holders, texts
from tests.name_server import Question, ServerMaker, answer, kind, server

__all__ = ["server"]  # a fixture

OWNER = "_acme-challenge.mail.example.test"


@dataclass(kw_only=True)
class World:
    """A resolver and all authoritative servers, at one address: `zones` are their names' servers.

    `delegations` are asked of a server; nobody asks the resolver for them.
    """

    zones: dict[str, str] = field(default_factory=lambda: {"example.test": "ns.example.test"})
    aliases: dict[str, str] = field(default_factory=dict)
    delegations: dict[str, str] = field(default_factory=dict)
    txt: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, question: Question) -> bytes:
        name = str(question.question[0].name).removesuffix(".")
        if not question.flags & dns.flags.RD:
            return self._held(question, name)
        self.asked.append((name, kind(question)))
        if kind(question) == "NS" and name in self.zones:
            return answer(question, f"{name}. NS {self.zones[name]}.")
        if kind(question) == "A" and name.startswith("ns."):
            return answer(question, f"{name}. A 127.0.0.1")
        return answer(question)

    def _held(self, question: Question, name: str) -> bytes:
        if name in self.delegations:
            response = dns.message.make_response(question)
            referral = dns.rrset.from_text(f"{name}.", 60, "IN", "NS", f"{self.delegations[name]}.")
            response.authority.append(referral)
            self.delegations.pop(name)  # the next to be asked is that server
            return response.to_wire()
        found = [f"{name}. CNAME {self.aliases[name]}."] if name in self.aliases else []
        found += [f'{name}. TXT "{self.txt[name]}"'] if name in self.txt else []
        return answer(question, *found, flags=dns.flags.AA)


def at(name: str, resolver: Resolver) -> NameServer:
    return NameServer(name, "127.0.0.1", resolver.port)


def test_the_servers_of_the_zone_around_a_name_hold_it(server: ServerMaker) -> None:
    world = World()
    resolver = server(world)

    found = holders(OWNER, resolver=resolver, port=resolver.port)

    assert (found.owner, found.servers) == (OWNER, (at("ns.example.test", resolver),))


def test_the_resolver_is_never_asked_for_the_name(server: ServerMaker) -> None:
    world = World()
    resolver = server(world)

    holders(OWNER, resolver=resolver, port=resolver.port)

    assert all(name != OWNER for name, _ in world.asked)


def test_an_alias_is_followed_into_its_zone(server: ServerMaker) -> None:
    world = World(aliases={OWNER: "abc.challenges.test"})
    world.zones["challenges.test"] = "ns.challenges.test"
    resolver = server(world)

    found = holders(OWNER, resolver=resolver, port=resolver.port)

    assert (found.owner, found.servers) == (
        "abc.challenges.test",
        (at("ns.challenges.test", resolver),),
    )


def test_a_delegation_of_the_name_itself_is_followed(server: ServerMaker) -> None:
    world = World(delegations={OWNER: "ns.elsewhere.test"})
    resolver = server(world)

    found = holders(OWNER, resolver=resolver, port=resolver.port)

    assert (found.owner, found.servers) == (OWNER, (at("ns.elsewhere.test", resolver),))


def test_aliases_in_a_circle_end(server: ServerMaker) -> None:
    resolver = server(World(aliases={OWNER: "a.example.test", "a.example.test": OWNER}))

    found = holders(OWNER, resolver=resolver, port=resolver.port)

    assert found.servers == ()
    assert "more than 8" in found.detail


def test_without_a_zone_or_an_address_the_detail_says_why(server: ServerMaker) -> None:
    nowhere = server(World(zones={}))
    no_address = server(World(zones={"example.test": "lost.example.test"}))
    broken = server(lambda q: answer(q, rcode=dns.rcode.SERVFAIL))

    details = [holders(OWNER, resolver=r, port=1).detail for r in (nowhere, no_address, broken)]

    assert "no zone holds it" in details[0]
    assert "no address of a name server" in details[1]
    assert details[2] == "mail.example.test NS: SERVFAIL"


def test_a_server_says_what_it_holds(server: ServerMaker) -> None:
    resolver = server(World(txt={OWNER: "a value"}))

    assert texts(OWNER, at("ns", resolver)).records == ("a value",)
    assert texts("other.test", at("ns", resolver)).status == "none"


def test_long_texts_come_in_one_piece(server: ServerMaker) -> None:
    def two(question: Question) -> bytes:
        return answer(question, f'{OWNER}. TXT "one" "two"', flags=dns.flags.AA)

    assert texts(OWNER, at("ns", server(two))).records == ("onetwo",)


@pytest.mark.parametrize(
    ("rcode", "flags"),
    [(dns.rcode.NOERROR, 0), (dns.rcode.REFUSED, 0), (dns.rcode.SERVFAIL, dns.flags.AA)],
)
def test_who_does_not_speak_with_authority_has_not_answered(
    server: ServerMaker, rcode: dns.rcode.Rcode, flags: int
) -> None:
    resolver = server(lambda q: answer(q, rcode=rcode, flags=flags))

    assert texts(OWNER, at("ns", resolver)).status == "failed"


def test_a_silent_server_has_not_answered() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))

        got = texts(OWNER, NameServer("ns", "127.0.0.1", silent.getsockname()[1]))

    assert (got.status, got.detail) == ("failed", "no answer within 3 s")
