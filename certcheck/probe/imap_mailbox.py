"""What IMAP shows of a mailbox that is only looked at: folders, their numbers, quota (RFC 9051)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from certcheck.model.mailbox import Folder, ImapMailbox, Kind, Namespace, Quota
from certcheck.probe import folder_name
from certcheck.probe.imap_session import MAX_FOLDERS, Answer, ImapSession
from certcheck.probe.imap_words import Value, number, string, strings
from certcheck.probe.limits import ProbeError
from certcheck.probe.wire import shown

# RFC 6154 2, RFC 8457 4; servers may write them in any case.
_FLAGS = (
    *(r"\All", r"\Archive", r"\Drafts", r"\Flagged", r"\Important"),
    *(r"\Junk", r"\Sent", r"\Trash"),
)
_SPECIAL = {flag.lower(): flag for flag in _FLAGS}
_STATUS = "STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"
_NUMBERS = frozenset({b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN"})
_KINDS: tuple[Kind, ...] = get_args(Kind)
_CODE = re.compile(rb"\* OK \[(UIDVALIDITY|UIDNEXT) (\d{1,19})\]", re.IGNORECASE)
_QUOTA = 3  # a resource, its usage, its limit
_TOLD = 3  # complaints about single folders that are quoted


async def imap_mailbox(
    session: ImapSession, blank: ImapMailbox, known: Mapping[str, int]
) -> ImapMailbox:
    """`blank` with all that a session which is logged in shows; raises ProbeError.

    Nothing is changed: folders are listed and asked for their numbers, or examined. `known` has the
    UIDNEXT of an earlier look by the name of the folder: where mail came since, what is left of the
    earlier mail is counted.
    """
    look = _Look(session)
    separator, namespaces = await look.separator(), await look.namespaces()
    await look.list_folders()
    await look.subscriptions()
    await look.count()
    await look.count_earlier(known)
    return replace(
        blank,
        outcome="opened",
        separator=separator,
        namespaces=namespaces,
        folders=tuple(sorted(look.folders.values(), key=lambda each: each.name)),
        subscribed_missing=tuple(sorted(look.missing)),
        quota=await look.quota(),
        detail=look.complaint(),
    )


class _Look:
    """One walk through the mailbox; `folders` are known by the bytes of their names."""

    def __init__(self, session: ImapSession) -> None:
        self.folders: dict[bytes, Folder] = {}
        self.missing: set[str] = set()
        self._session = session
        self._complaints: list[str] = []

    def complaint(self) -> str:
        more = len(self._complaints) - _TOLD
        return "; ".join(self._complaints[:_TOLD]) + (f" and {more} more" if more > 0 else "")

    async def separator(self) -> str | None:
        answer = await self._session.command('LIST "" ""', keep=(b"LIST",))
        found = (_text(_listed(each)[1]) for each in answer.data)
        return next(found, None)

    async def namespaces(self) -> tuple[Namespace, ...]:
        if not self._session.words & {"NAMESPACE", "IMAP4REV2"}:
            return ()
        answer = await self._session.command("NAMESPACE", keep=(b"NAMESPACE",))
        return tuple(
            Namespace(
                kind=kind,
                prefix=folder_name.unicode(string(_at(each, 0))),
                separator=_text(_at(each, 1)),
            )
            for data in answer.data
            for kind, group in zip(_KINDS, data[1:], strict=False)
            for each in group or ()
            if isinstance(each, list)
        )

    async def list_folders(self) -> None:
        answer = await self._asked_for_all()
        for data in answer.data:
            if string(data[0]).upper() == b"LIST":
                self._add(data)
        for data in answer.data:
            if string(data[0]).upper() == b"STATUS":
                self._fill_in(data)
        if len(self.folders) > MAX_FOLDERS:
            raise ProbeError("oversized", f"more than {MAX_FOLDERS} folders")

    async def _asked_for_all(self) -> Answer:
        options = self._return_options()
        if options:
            wanted = f'LIST "" "*" RETURN ({" ".join(options)})'
            answer = await self._session.command(wanted, keep=(b"LIST", b"STATUS"))
            if answer.ok:
                return answer
        answer = await self._session.command('LIST "" "*"', keep=(b"LIST",))
        if not answer.ok:
            raise ProbeError("wrong_protocol", f"LIST: {self._session.key.quoted(answer.words)}")
        return answer

    def _return_options(self) -> list[str]:
        words = self._session.words
        if not words & {"LIST-EXTENDED", "IMAP4REV2"}:
            return []
        special = ["SPECIAL-USE"] if words & {"SPECIAL-USE", "IMAP4REV2"} else []
        return [*special, _STATUS] if words & {"LIST-STATUS", "IMAP4REV2"} else special

    def _add(self, data: Sequence[Value]) -> None:
        flags, _, raw = _listed(data)
        low = {flag.decode("ascii", "replace").lower() for flag in flags}
        name = _canonical(raw)
        known = self.folders.get(name) or Folder(name=folder_name.unicode(name))
        special = {_SPECIAL[flag] for flag in low if flag in _SPECIAL}
        self.folders[name] = replace(
            known,
            special_use=tuple(sorted(special | set(known.special_use))),
            selectable=known.selectable and not low & {r"\noselect", r"\nonexistent"},
        )

    def _fill_in(self, data: Sequence[Value]) -> None:
        raw, pairs = _canonical(string(_at(data, 1))), strings(_at(data, 2))
        known = self.folders.get(raw)
        if known is None:
            return
        told = dict(zip((each.upper() for each in pairs[::2]), pairs[1::2], strict=False))
        has = {key: number(value) for key, value in told.items() if key in _NUMBERS}
        self.folders[raw] = replace(
            known,
            messages=has.get(b"MESSAGES"),
            uidvalidity=has.get(b"UIDVALIDITY"),
            uidnext=has.get(b"UIDNEXT"),
            unseen=has.get(b"UNSEEN"),
        )

    async def subscriptions(self) -> None:
        extended = self._session.words & {"LIST-EXTENDED", "IMAP4REV2"}
        wanted = 'LIST (SUBSCRIBED) "" "*"' if extended else 'LSUB "" "*"'
        answer = await self._session.command(wanted, keep=(b"LIST", b"LSUB"))
        if not answer.ok:
            self._complain("subscriptions", answer)
        for data in answer.data:
            name = _canonical(_listed(data)[2])
            if name in self.folders:
                self.folders[name] = replace(self.folders[name], subscribed=True)
            else:
                self.missing.add(folder_name.unicode(name))

    async def count(self) -> None:
        for raw, folder in tuple(self.folders.items()):
            if folder.selectable and _lacks(folder):
                await self._ask_status(raw)

    async def count_earlier(self, known: Mapping[str, int]) -> None:
        for raw, folder in tuple(self.folders.items()):
            since = known.get(folder.name, 0)
            if since > 1 and folder.selectable and (folder.uidnext or 0) > since:
                await self._count_below(raw, since)

    async def _count_below(self, raw: bytes, uid: int) -> None:
        if not (await self._session.command("EXAMINE", raw)).ok:
            return
        answer = await self._session.command(f"UID SEARCH UID 1:{uid - 1}", keep=(b"SEARCH",))
        if answer.ok:
            left = sum(len(data) - 1 for data in answer.data)
            self.folders[raw] = replace(self.folders[raw], earlier=left)

    async def _ask_status(self, raw: bytes) -> None:
        answer = await self._session.command(
            "STATUS", raw, _STATUS.removeprefix("STATUS "), keep=(b"STATUS",)
        )
        for data in answer.data:
            self._fill_in(data)
        if not answer.ok:
            self._complain(self.folders[raw].name, answer)
        elif _lacks(self.folders[raw]):
            await self._examine(raw)

    async def _examine(self, raw: bytes) -> None:
        # Read-only (RFC 9051 6.3.3): no flag and no \Recent is changed.
        answer = await self._session.command("EXAMINE", raw, keep=(b"EXISTS", b"OK"))
        if not answer.ok:
            self._complain(self.folders[raw].name, answer)
            return
        exists = [number(data[0]) for data in answer.data]
        codes = {
            found[1].upper(): int(found[2]) for text in answer.texts if (found := _CODE.match(text))
        }
        search = await self._session.command("SEARCH UNSEEN", keep=(b"SEARCH",))
        self.folders[raw] = replace(
            self.folders[raw],
            messages=exists[-1] if exists else None,
            uidvalidity=codes.get(b"UIDVALIDITY"),
            uidnext=codes.get(b"UIDNEXT"),
            unseen=sum(len(data) - 1 for data in search.data) if search.ok else None,
        )

    async def quota(self) -> tuple[Quota, ...]:
        if not any(word == "QUOTA" or word.startswith("QUOTA=") for word in self._session.words):
            return ()
        answer = await self._session.command("GETQUOTAROOT", b"INBOX", keep=(b"QUOTA",))
        if not answer.ok:
            self._complain("quota", answer)
        found = {each for data in answer.data for each in _quotas(data)}
        return tuple(sorted(found, key=lambda each: (each.root, each.resource)))

    def _complain(self, what: str, answer: Answer) -> None:
        self._complaints.append(
            f"{shown(ascii(what).encode())}: {self._session.key.quoted(answer.words)}"
        )


def _lacks(folder: Folder) -> bool:
    return None in (folder.messages, folder.uidvalidity, folder.uidnext, folder.unseen)


def _listed(data: Sequence[Value]) -> tuple[tuple[bytes, ...], Value, bytes]:
    """Flags, separator and name of a LIST or LSUB answer; what comes after is left."""
    return strings(_at(data, 1)), _at(data, 2), string(_at(data, 3))


def _quotas(data: Sequence[Value]) -> list[Quota]:
    root, words = string(_at(data, 1)), strings(_at(data, 2))
    return [
        Quota(
            root=root.decode("utf-8", "backslashreplace"),
            resource=words[at].decode("ascii", "backslashreplace").upper(),
            usage=number(words[at + 1]),
            limit=number(words[at + 2]),
        )
        for at in range(0, len(words) - _QUOTA + 1, _QUOTA)
    ]


def _canonical(raw: bytes) -> bytes:
    # RFC 9051 5.1: INBOX is the same in any case.
    return b"INBOX" if raw.upper() == b"INBOX" else raw


def _text(value: Value) -> str | None:
    return value.decode("ascii", "backslashreplace") if isinstance(value, bytes) else None


def _at(values: Value | Sequence[Value], index: int) -> Value:
    """The value in that place of a list; None where there is no such place or no list."""
    return values[index] if isinstance(values, list) and index < len(values) else None
