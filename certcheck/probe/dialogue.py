"""From the greeting to the go-ahead for TLS, and the talk inside TLS, for each mail protocol."""

from collections.abc import Callable, Mapping

from certcheck.model.endpoint import Protocol
from certcheck.probe import imap, pop3, sieve, smtp
from certcheck.probe.imap import Imap
from certcheck.probe.limits import ProbeError
from certcheck.probe.pop3 import Pop3
from certcheck.probe.script import Said, Script
from certcheck.probe.sieve import Sieve
from certcheck.probe.smtp import Smtp, literal
from certcheck.probe.tcp import Tcp
from certcheck.probe.wire import Wire, shown

# What is spoken, by a client at the given address of its own.
SCRIPTS: Mapping[Protocol, Callable[[str], Script]] = {
    "smtp": lambda own_address: Smtp(name=literal(own_address)),
    "lmtp": lambda own_address: Smtp(name=literal(own_address), verb="LHLO"),
    "imap": lambda _: Imap(),
    "pop3": lambda _: Pop3(),
    "sieve": lambda _: Sieve(),
}

# The last word of a client, which every server takes without complaint.
FAREWELLS: Mapping[Protocol, str] = {
    "smtp": smtp.FAREWELL,
    "lmtp": smtp.FAREWELL,
    "imap": imap.FAREWELL,
    "pop3": pop3.FAREWELL,
    "sieve": sieve.FAREWELL,
}


async def go_ahead(script: Script, said: Said, *, tcp: Tcp, wire: Wire) -> None:
    """Return when TLS may start, with no byte left unread; raises ProbeError otherwise."""
    await script.start_tls(wire, said)
    # RFC 3207 4, "NO STARTTLS" (USENIX Security 2021): whatever is here already was not protected.
    injected = wire.unread() + tcp.waiting()
    if injected:
        wire.transcript.append(f"S: {shown(injected)}")
        raise ProbeError("injected_bytes", f"plain bytes before TLS: {shown(injected)}")


def _unheard() -> None:
    pass


async def greeting(
    script: Script, wire: Wire, *, complete: bool = False, heard: Callable[[], None] = _unheard
) -> Said:
    """The greeting, of which `heard` is told, and the capabilities; raises ProbeError.

    They are asked for where the greeting has none, or where `complete` wants all and it has some.
    """
    said = await script.greet(wire)
    heard()
    if said.words is not None and not (complete and said.partial):
        return said
    asked = await script.ask(wire)
    if said.words and not asked.words:
        return said
    return Said(greeting=said.greeting, words=asked.words, auth=asked.auth, size=asked.size)
