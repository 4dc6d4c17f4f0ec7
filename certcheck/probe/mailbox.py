"""Looking into a mailbox, read-only: who is let in finds folders and numbers, and reads no mail."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from certcheck.model.account import Account
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Protocol
from certcheck.model.mailbox import ImapMailbox, Mailbox, Pop3Mailbox, SieveScripts
from certcheck.probe.imap_mailbox import imap_mailbox
from certcheck.probe.imap_session import ImapSession
from certcheck.probe.key import Key, NotIn
from certcheck.probe.limits import Gate, Limits, ProbeError
from certcheck.probe.pop3_session import Pop3Session, digest, hashed, marks
from certcheck.probe.session import Access, Service, Session, session
from certcheck.probe.sieve_session import SieveSession

_View = TypeVar("_View", ImapMailbox, Pop3Mailbox, SieveScripts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a mailbox may take: `session` is one service's, from the login on, in seconds.

    A POP3 mailbox that somebody else has open is tried again after each of the `rests`.
    """

    session: float = 120.0
    rests: tuple[float, ...] = (2.0, 5.0)


USUAL = Patience()
NOTHING: Mapping[str, int] = MappingProxyType({})


async def mailbox(  # noqa: PLR0913 - each is one thing that the caller decides
    account: Account,
    services: Sequence[Service],
    *,
    gate: Gate,
    limits: Limits,
    roots: tuple[Certificate, ...] = (),
    patience: Patience = USUAL,
    known: Mapping[str, int] = NOTHING,
) -> Mailbox:
    """What the account finds by IMAP, POP3 and ManageSieve; whatever a server does is data.

    Each protocol is asked at the first of its `services` (other protocols are left out) that can
    be asked: the password goes to one service of each and once, unless the mailbox is busy. It
    goes through TLS only whose certificate leads to the system's roots or `roots` and is good for
    the name. `known` has the UIDNEXT that an earlier look found, by the name of the folder.
    """
    access = Access(gate=gate, limits=limits, roots=roots)

    def at(protocol: Protocol) -> list[Service]:
        return [each for each in services if each.endpoint.protocol == protocol]

    asker = _Asker(account, access, patience, known)
    # One after the other: many servers count the connections or the failures of a login.
    return Mailbox(
        login=account.mailbox,
        imap=await asker.first(at("imap"), ImapMailbox, asker.imap),
        pop3=await asker.first(at("pop3"), Pop3Mailbox, asker.pop3),
        sieve=await asker.first(at("sieve"), SieveScripts, asker.sieve),
    )


class _Asker:
    """Takes one account to its services."""

    def __init__(
        self, account: Account, access: Access, patience: Patience, known: Mapping[str, int]
    ) -> None:
        self._account = account
        self._access = access
        self._patience = patience
        self._known = known

    async def first(
        self,
        services: Sequence[Service],
        kind: type[_View],
        ask: Callable[[Session, Key, _View], Awaitable[_View]],
    ) -> _View | None:
        """What the first service shows that the password is told to, else why none could be."""
        key = Key(self._account)
        missed: list[_View] = []
        for service in services:
            blank = kind(endpoint=service.endpoint.url, address=service.address, outcome="not_seen")
            seen = await self._asked(service, key, blank, ask)
            if key.used or seen.outcome != "not_seen":
                return seen
            missed.append(seen)
        if not missed:
            return None
        told = "; ".join(f"{each.endpoint}: {each.detail}" for each in missed)
        return replace(missed[0], detail=told if len(missed) > 1 else missed[0].detail)

    async def _asked(
        self,
        service: Service,
        key: Key,
        blank: _View,
        ask: Callable[[Session, Key, _View], Awaitable[_View]],
    ) -> _View:
        for rest in (*self._patience.rests, None):
            try:
                async with session(service, self._access) as opened:
                    seen = await ask(opened, key, blank)
                    await opened.leave()
                    return seen
            except NotIn as e:
                if not e.busy or rest is None:
                    return replace(blank, outcome=e.outcome, detail=e.detail)
                await asyncio.sleep(rest)
            except ProbeError as e:
                return replace(blank, detail=key.quoted(e.missed.detail.encode()))
        raise AssertionError("the last try returns")

    async def imap(self, opened: Session, key: Key, blank: ImapMailbox) -> ImapMailbox:
        """What IMAP shows."""
        inside = ImapSession(opened, key)
        await inside.log_in(seconds=self._patience.session)
        return await imap_mailbox(inside, blank, self._known)

    async def pop3(self, opened: Session, key: Key, blank: Pop3Mailbox) -> Pop3Mailbox:
        """What POP3 shows."""
        inside = Pop3Session(opened, key)
        await inside.log_in(seconds=self._patience.session)
        ids = await inside.ids()
        messages = await inside.count()
        seen = replace(blank, outcome="opened", messages=messages)
        if ids is None:
            return seen
        return replace(seen, uidl_sha256=digest(ids), uidl_marks=marks(ids), uidls=hashed(ids))

    async def sieve(self, opened: Session, key: Key, blank: SieveScripts) -> SieveScripts:
        """What ManageSieve shows."""
        inside = SieveSession(opened, key)
        await inside.log_in(seconds=self._patience.session)
        scripts, active = await inside.scripts()
        return replace(blank, outcome="opened", scripts=scripts, active=active)
