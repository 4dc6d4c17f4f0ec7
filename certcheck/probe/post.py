"""A message given to a mail server: submitted with a password, or handed over as from outside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from certcheck.model.leg import LegOutcome
from certcheck.probe.dialogue import go_ahead, greeting
from certcheck.probe.handshake import Tls, Variant, handshake
from certcheck.probe.key import Key, NoEntry, NotIn
from certcheck.probe.limits import ProbeError
from certcheck.probe.script import Said
from certcheck.probe.session import Access, Service, session
from certcheck.probe.smtp import Reply, Smtp, literal
from certcheck.probe.tcp import Tcp, dial
from certcheck.probe.wire import Wire, shown

HEADER = "X-Certcheck"


class Unposted(Exception):  # noqa: N818 - a fact: the server did not take it
    """The message was not accepted; it never leaves this room."""

    def __init__(self, outcome: LegOutcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A marked message to `address`; `mark` is its own, and `token` that of the whole trip."""

    address: str
    token: str
    mark: str
    at: datetime

    @property
    def lines(self) -> tuple[str, ...]:
        """The message. It says what it is, and that nobody is to answer (RFC 3834 5)."""
        return (
            f"From: <{self.address}>",
            f"To: <{self.address}>",
            "Subject: Test message of certcheck, which removes it by itself",
            f"Date: {format_datetime(self.at)}",
            f"Message-ID: <{self.mark}@certcheck.invalid>",
            f"{HEADER}: {self.token} {self.mark}",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=us-ascii",
            "",
            "This message was sent to see whether mail goes round on this host.",
            "It may be deleted.",
        )


async def submitted(letter: Letter, service: Service, key: Key, access: Access) -> None:
    """Submit it with the password; raises Unposted, NotIn for a refused login, or ProbeError."""
    async with session(service, access) as opened:
        talk = _Talk(Smtp(name=literal(opened.tcp.own_address)), opened.wire, key)
        opened.tcp.allow(access.limits.timeout)
        await talk.log_in(opened.said)
        opened.tcp.allow(access.limits.timeout)
        await talk.give(letter, letter.address)
        await opened.leave()


async def handed_over(letter: Letter, service: Service, access: Access) -> None:
    """Give it as another host would; raises Unposted or ProbeError. No password is sent."""
    async with access.gate.admitted(service.address), _outside(service, access) as talk:
        try:
            # Nobody, as of a bounce: it must be taken, and no answer can come back. A sender in
            # the host's own domain is what spam filters refuse from outside.
            await talk.give(letter, "")
        except Unposted as e:
            if e.outcome != "failed":
                raise
            await talk.asked("RSET")
            await talk.give(letter, letter.address)
        await talk.asked("QUIT")


@asynccontextmanager
async def _outside(service: Service, access: Access) -> "AsyncIterator[_Talk]":
    tcp = await dial(
        service.address, service.port or service.endpoint.port, within=access.limits.timeout
    )
    try:
        script = Smtp(name=literal(tcp.own_address))
        yield _Talk(script, await _as_mail_hosts_do(script, service, tcp), None)
    finally:
        tcp.close()


async def _as_mail_hosts_do(script: Smtp, service: Service, tcp: Tcp) -> Wire:
    # RFC 3207 and 7435: TLS where it is offered, and with whoever it is.
    wire = Wire(tcp, [])
    said = await greeting(script, wire)
    if not said.offers("STARTTLS"):
        return wire
    await go_ahead(script, said, tcp=tcp, wire=wire)
    variant = Variant(server_name=service.endpoint.host.server_name)
    tls, shaken = await handshake(tcp, variant, "starttls")
    if shaken.client_certificate == "required":
        raise ProbeError("handshake_failed", "the server wants to see a client's certificate")
    return await _inside(script, tls)


async def _inside(script: Smtp, tls: Tls) -> Wire:
    wire = Wire(tls, [])
    await script.ask_inside(wire)
    return wire


class _Talk:
    """SMTP from the last EHLO on."""

    def __init__(self, script: Smtp, wire: Wire, key: Key | None) -> None:
        self._script = script
        self._wire = wire
        self._key = key

    async def log_in(self, said: Said) -> None:
        if self._key is None or "PLAIN" not in said.auth:
            raise NotIn("not_seen", "the server does not offer AUTH PLAIN")
        reply = await self._sent(b"AUTH PLAIN " + self._key.plain(), told="AUTH PLAIN ...")
        if reply.code != "235":
            # RFC 4954 6: 454 is a trouble of the server's own, as are all that begin with 4.
            outcome: NoEntry = "unavailable" if reply.code[0] == "4" else "refused"
            raise NotIn(outcome, self._key.quoted(reply.text))

    async def give(self, letter: Letter, sender: str) -> None:
        await self._wanted(f"MAIL FROM:<{sender}>", "2")
        await self._wanted(f"RCPT TO:<{letter.address}>", "2")
        await self._wanted("DATA", "3")
        text = "\r\n".join((*letter.lines, ".")).encode("ascii")
        _agreed(await self._sent(text, told="the message"), "the message", "2")

    async def asked(self, command: str) -> Reply:
        return await self._sent(command.encode("ascii"), told=command)

    async def _wanted(self, command: str, first: str) -> None:
        _agreed(await self.asked(command), command, first)

    async def _sent(self, data: bytes, *, told: str) -> Reply:
        await self._wire.send(data + b"\r\n", told=told)
        reply = await self._script.reply(self._wire)
        if reply is None:
            raise ProbeError("wrong_protocol", f"the answer to {told} is none")
        return reply


def _agreed(reply: Reply, command: str, first: str) -> None:
    if reply.code[0] == first:
        return
    # RFC 5321 4.2.1: 4 is for now (greylisting), 5 for good.
    outcome: LegOutcome = "not_seen" if reply.code[0] == "4" else "failed"
    raise Unposted(outcome, f"{command}: {shown(reply.text)}")
