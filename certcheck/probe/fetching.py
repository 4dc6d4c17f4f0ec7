"""The marked messages of a round trip in a mailbox: found, fetched and removed, and no others."""

import asyncio
import re
from collections.abc import Collection, Iterable

from certcheck.probe.imap_session import Answer, ImapSession
from certcheck.probe.limits import ProbeError
from certcheck.probe.pop3_session import Pop3Session
from certcheck.probe.post import HEADER

_UIDNEXT = re.compile(rb"\* OK \[UIDNEXT (\d{1,10})\]", re.IGNORECASE)
_FIRST_REST, _LONGEST_REST = 0.5, 8.0
_MOST = 50  # new messages of others that POP3 looks at the headers of


async def next_uid(inside: ImapSession) -> int:
    """The UID that the next message in the INBOX will have at least; read-only."""
    answer = await _done(inside, "EXAMINE", b"INBOX", keep=(b"OK",))
    found = [int(parsed[1]) for text in answer.texts if (parsed := _UIDNEXT.match(text))]
    return found[-1] if found else 1


async def arrived(
    inside: ImapSession, marks: Collection[str], *, since: int, within: float
) -> set[str]:
    """Those of the marks that are in the INBOX, as soon as all are or the time is over."""
    loop = asyncio.get_running_loop()
    end, rest = loop.time() + within, _FIRST_REST
    while True:
        await _done(inside, "EXAMINE", b"INBOX")
        found = {mark for mark in marks if await _uids(inside, mark, since)}
        left = end - loop.time()
        if found == set(marks) or left <= 0:
            return found
        await asyncio.sleep(min(rest, left))
        rest = min(2 * rest, _LONGEST_REST)


async def removed(inside: ImapSession, token: str, *, since: int) -> tuple[int, str]:
    """How many messages with the token were removed from the INBOX, and what was left and why."""
    await _done(inside, "SELECT", b"INBOX")
    uids = await _uids(inside, token, since)
    if not uids:
        return 0, ""
    wanted = ",".join(map(str, uids))
    await _done(inside, f"UID STORE {wanted} +FLAGS.SILENT (\\Deleted)")
    if not inside.words & {"UIDPLUS", "IMAP4REV2"}:
        # RFC 4315 1: a plain EXPUNGE would remove what others have marked as deleted, too.
        return 0, f"{len(uids)} left, marked as deleted: the server has no UIDPLUS"
    await _done(inside, f"UID EXPUNGE {wanted}")
    left = await _uids(inside, token, since)
    return len(uids) - len(left), f"{len(left)} left after UID EXPUNGE" if left else ""


async def fetched(
    inside: Pop3Session, marks: Collection[str], *, known: Collection[bytes]
) -> set[str]:
    """Those of the marks that POP3 gives; of other messages only new ones' headers are read."""
    found: set[str] = set()
    for number in _new(await inside.ids() or (), known):
        head = await inside.lines(f"TOP {number} 0")
        if head is None:
            raise ProbeError("wrong_protocol", "the server has no TOP")
        mark = next((mark for mark in marks if _bears(head, mark)), None)
        if mark and await inside.lines(f"RETR {number}") is not None:
            found.add(mark)
    return found


def _new(ids: Iterable[bytes], known: Collection[bytes]) -> list[int]:
    new = [number for number, each in enumerate(ids, 1) if each not in known]
    return new[-_MOST:]


def _bears(head: Iterable[bytes], mark: str) -> bool:
    start = f"{HEADER}:".lower().encode()
    return any(line.lower().startswith(start) and mark.encode() in line for line in head)


async def _uids(inside: ImapSession, text: str, since: int) -> list[int]:
    answer = await _done(
        inside, f"UID SEARCH UID {since}:* HEADER {HEADER} {text}", keep=(b"SEARCH",)
    )
    numbers = [value for data in answer.data for value in data[1:] if isinstance(value, bytes)]
    return sorted(int(each) for each in numbers if re.fullmatch(rb"\d{1,10}", each))


async def _done(inside: ImapSession, *words: str | bytes, keep: Collection[bytes] = ()) -> Answer:
    answer = await inside.command(*words, keep=keep)
    if not answer.ok:
        raise ProbeError("wrong_protocol", f"{words[0]!s}: {inside.key.quoted(answer.words)}")
    return answer
