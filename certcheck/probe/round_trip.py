"""A message goes round: submitted, taken from outside, delivered, fetched and removed."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from certcheck.model.account import Account
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Protocol
from certcheck.model.leg import Leg, LegOutcome
from certcheck.model.observation import OUTCOMES
from certcheck.probe.fetching import arrived, fetched, next_uid, removed
from certcheck.probe.imap_session import ImapSession
from certcheck.probe.key import Key, NotIn
from certcheck.probe.limits import Gate, Limits, ProbeError
from certcheck.probe.pop3_session import Pop3Session
from certcheck.probe.post import HEADER, Letter, Unposted, handed_over, submitted
from certcheck.probe.session import Access, Service, session

_ADDRESS = re.compile(r"[\x21-\x3b\x3d\x3f\x41-\x7e]+@[A-Za-z0-9.\[\]:-]+")
_PORT_25 = "smtp"
_POP3_RESTS = (0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long a delivery may take, and a session beyond it, in seconds."""

    delivery: float = 60.0
    session: float = 60.0


USUAL = Wait()


async def round_trip(  # noqa: PLR0913 - each is one thing that the caller decides
    account: Account,
    services: Sequence[Service],
    *,
    gate: Gate,
    limits: Limits,
    now: datetime,
    roots: tuple[Certificate, ...] = (),
    wait: Wait = USUAL,
) -> tuple[Leg, ...]:
    """The legs of one message for each of submission, submissions and smtp in `services`.

    Then one leg `imap` and one `pop3`, at the first service of each, and `removed`. A leg that
    fails stops only those that need it. The login is the mail address; passwords go through
    verified TLS only, and a refused one is not tried at another port.
    """
    trip = _Trip(account, Access(gate=gate, limits=limits, roots=roots), now, wait)
    return await trip.made(services)


class _Trip:
    """What is known on the way: which marks were accepted where, and which have arrived."""

    def __init__(self, account: Account, access: Access, now: datetime, wait: Wait) -> None:
        self._account = account
        self._access = access
        self._now = now
        self._wait = wait
        self._token = secrets.token_hex(12)
        self._accepted: dict[str, str] = {}
        self._arrived: set[str] | None = None
        self._since: int | None = None
        self._known: frozenset[bytes] = frozenset()
        self._refused = ""
        self._keys: dict[Protocol, Key] = {}

    async def made(self, services: Sequence[Service]) -> tuple[Leg, ...]:
        posts = [each for each in services if each.endpoint.protocol == "smtp"]
        imap = next((each for each in services if each.endpoint.protocol == "imap"), None)
        pop3 = next((each for each in services if each.endpoint.protocol == "pop3"), None)
        trouble = {
            "imap": await self._before(imap, self._note_imap),
            "pop3": await self._before(pop3, self._note_pop3),
        }
        legs = [await self._post(each, number) for number, each in enumerate(posts, 1)]
        rest = [(imap, "imap", self._by_imap), (pop3, "pop3", self._by_pop3),
                (imap, "removed", self._removal)]  # fmt: skip
        for place, name, walk in rest:
            if place:
                known = trouble[place.endpoint.protocol]
                if known and name == "removed":
                    known = known[0], f"{known[1]}; {self._left_behind()}"
                legs.append(await self._leg(place, name, _given(known) if known else walk))
        return tuple(legs)

    async def _before(
        self, place: Service | None, look: Callable[[Service], Awaitable[str]]
    ) -> "tuple[LegOutcome, str] | None":
        # What is there already is none of ours.
        if place is None:
            return None
        try:
            await look(place)
        except (NotIn, ProbeError) as e:
            return _outcome(e, self._key(place))
        return None

    async def _leg(
        self, place: Service, name: str, walk: Callable[[Service], Awaitable[str]]
    ) -> Leg:
        loop = asyncio.get_running_loop()
        start = loop.time()
        outcome: LegOutcome = "passed"
        try:
            detail = await walk(place)
        except (Unposted, NotIn, ProbeError) as e:
            outcome, detail = _outcome(e, self._key(place))
        return Leg(
            name=name,
            endpoint=place.endpoint.url,
            address=place.address,
            outcome=outcome,
            seconds=round(loop.time() - start, 3),
            detail=detail,
        )

    def _key(self, place: Service) -> Key:
        return self._keys.setdefault(place.endpoint.protocol, Key(self._account))

    # --- in ---

    async def _post(self, place: Service, number: int) -> Leg:
        mark = f"{self._token}-{number}"
        name = f"{place.endpoint.scheme} {place.endpoint.port}"

        async def walk(place: Service) -> str:
            address = self._account.mailbox
            if not _ADDRESS.fullmatch(address):
                raise Unposted("not_seen", "the login is no mail address in ASCII")
            letter = Letter(address=address, token=self._token, mark=mark, at=self._now)
            if place.endpoint.scheme == _PORT_25:
                await handed_over(letter, place, self._access)
            else:
                await self._submit(letter, place)
            self._accepted[mark] = name
            return ""

        return await self._leg(place, name, walk)

    async def _submit(self, letter: Letter, place: Service) -> None:
        if self._refused:
            raise Unposted("not_seen", f"not tried: the password was refused at {self._refused}")
        try:
            await submitted(letter, place, self._key(place), self._access)
        except NotIn as e:
            if e.outcome == "refused":
                self._refused = place.endpoint.url
            raise

    # --- out ---

    async def _note_imap(self, place: Service) -> str:
        async with self._imap(place) as inside:
            self._since = await next_uid(inside)
        return ""

    async def _note_pop3(self, place: Service) -> str:
        async with self._pop3(place) as inside:
            self._known = frozenset(await inside.ids() or ())
        return ""

    async def _by_imap(self, place: Service) -> str:
        self._refuse_nothing()
        async with self._imap(place) as inside:
            self._arrived = await arrived(
                inside, self._accepted, since=self._since or 1, within=self._wait.delivery
            )
        return self._complete(self._arrived, self._accepted, "delivered to the INBOX")

    async def _by_pop3(self, place: Service) -> str:
        self._refuse_nothing()
        wanted = set(self._accepted) if self._arrived is None else self._arrived
        if not wanted:
            raise Unposted("not_seen", "no message was delivered")
        found: set[str] = set()
        for rest in (*self._rests(), None):
            async with self._pop3(place) as inside:
                found |= await fetched(inside, wanted - found, known=self._known)
            if found == wanted or rest is None:
                break
            await asyncio.sleep(rest)
        return self._complete(found, wanted, "fetched by POP3")

    def _rests(self) -> tuple[float, ...]:
        if self._arrived is not None:
            return _POP3_RESTS
        steady = int(self._wait.delivery / 8)
        return (*_POP3_RESTS, 4.0, *[8.0] * steady)  # nobody else has waited for the delivery

    async def _removal(self, place: Service) -> str:
        self._refuse_nothing()
        async with self._imap(place) as inside:
            count, left = await removed(inside, self._token, since=self._since or 1)
        late = len(self._accepted) - count
        if left:
            raise Unposted("failed", f"{left}; they bear {HEADER}: {self._token}")
        if late > 0:
            raise Unposted("not_seen", f"{late} may still come; they bear {HEADER}: {self._token}")
        return ""

    def _left_behind(self) -> str:
        if not self._accepted:
            return "nothing was sent"
        return f"{len(self._accepted)} stay there; they bear {HEADER}: {self._token}"

    def _refuse_nothing(self) -> None:
        if not self._accepted:
            raise Unposted("not_seen", "no message was accepted")

    def _complete(self, found: set[str], wanted: "set[str] | dict[str, str]", done: str) -> str:
        lost = [self._accepted[mark] for mark in sorted(wanted) if mark not in found]
        if lost:
            names = ", ".join(lost)
            within = f"within {self._wait.delivery:g} s"
            raise Unposted("failed", f"accepted by {names} and not {done} {within}")
        return ""

    @asynccontextmanager
    async def _imap(self, place: Service) -> AsyncIterator[ImapSession]:
        async with session(place, self._access) as opened:
            inside = ImapSession(opened, self._key(place))
            await inside.log_in(seconds=self._wait.session + self._wait.delivery)
            yield inside
            await opened.leave()

    @asynccontextmanager
    async def _pop3(self, place: Service) -> AsyncIterator[Pop3Session]:
        async with session(place, self._access) as opened:
            inside = Pop3Session(opened, self._key(place))
            await inside.log_in(seconds=self._wait.session)
            yield inside
            await opened.leave()


def _given(known: tuple[LegOutcome, str]) -> Callable[[Service], Awaitable[str]]:
    async def walk(_: Service) -> str:
        raise Unposted(*known)

    return walk


def _outcome(error: Unposted | NotIn | ProbeError, key: Key) -> tuple[LegOutcome, str]:
    match error:
        case Unposted():
            return error.outcome, error.detail
        case NotIn():
            return "failed" if error.outcome == "refused" else "not_seen", error.detail
        case _:
            # A closed port or broken TLS is the server's; all else leaves the question open.
            open_ = OUTCOMES[error.missed.reason] == "inconclusive"
            detail = key.quoted(error.missed.detail.encode())
            return "not_seen" if open_ else "failed", detail
