"""What differs in a mailbox: what its owner misses, and what makes every program start anew."""

from collections.abc import Iterator, Mapping

from certcheck.judge.difference import Difference
from certcheck.model.change import ChangeClass, Value
from certcheck.model.mailbox import (
    Access,
    Folder,
    ImapMailbox,
    Mailbox,
    Pop3Mailbox,
    Quota,
    SieveScripts,
)

View = ImapMailbox | Pop3Mailbox | SieveScripts

_AGAIN = "every program downloads everything again"
_SERVICES: Mapping[type, str] = {
    ImapMailbox: "IMAP",
    Pop3Mailbox: "POP3",
    SieveScripts: "ManageSieve",
}
_NO_ENTRY: Mapping[Access, str] = {
    "refused": "the login or the password is refused",
    "unavailable": "the server cannot tell whether the password is right, as with a stored hash "
    "that the new software does not take",
}


def mailbox(before: Mailbox, after: Mailbox) -> Iterator[tuple[View, Difference]]:
    """What differs in one account's mailbox, each with the service that shows it."""
    login = before.login
    for was, now in _pairs(before, after):
        if was is None or now is None or was.outcome != "opened":
            continue
        if now.outcome != "opened":
            if now.outcome != "not_seen":
                yield now, _shut_out(login, now)
            continue
        for difference in _inside(login, was, now):
            yield now, difference


def unseen(before: Mailbox, after: Mailbox | None) -> Iterator[str]:
    """What was open before, and could not be asked now, in words."""
    for was, now in _pairs(before, after):
        if was is None or was.outcome != "opened":
            continue
        if now is None:
            yield f"{before.login} was not asked by {_SERVICES[type(was)]}"
        elif now.outcome == "not_seen":
            yield f"{before.login} could not be asked by {_SERVICES[type(was)]}: {now.detail}"


def _pairs(before: Mailbox, after: Mailbox | None) -> tuple[tuple[View | None, View | None], ...]:
    now: tuple[View | None, ...] = (after.imap, after.pop3, after.sieve) if after else (None,) * 3
    return tuple(zip((before.imap, before.pop3, before.sieve), now, strict=True))


def _inside(login: str, was: View, now: View) -> Iterator[Difference]:
    if isinstance(was, ImapMailbox) and isinstance(now, ImapMailbox):
        yield from _imap(login, was, now)
    elif isinstance(was, Pop3Mailbox) and isinstance(now, Pop3Mailbox):
        yield from _pop3(login, was, now)
    elif isinstance(was, SieveScripts) and isinstance(now, SieveScripts):
        yield from _sieve(login, was, now)


def _shut_out(login: str, now: View) -> Difference:
    service = _SERVICES[type(now)]
    said = f" ({now.detail})" if now.detail else ""
    return _difference(
        login,
        "login",
        "lost",
        f"can no longer log in by {service}: {_NO_ENTRY[now.outcome]}{said}",
        before="opened",
        after=now.outcome,
        about=service,
    )


def _imap(login: str, was: ImapMailbox, now: ImapMailbox) -> Iterator[Difference]:
    old = {folder.name: folder for folder in was.folders}
    new = {folder.name: folder for folder in now.folders}
    if _is_empty(now) and not _is_empty(was):
        held = sum(folder.messages or 0 for folder in was.folders)
        yield _difference(
            login,
            "folders",
            "lost",
            f"the mailbox is empty, and held {held} messages in {len(old)} folders: is its path "
            "right, and was it copied?",
            before=tuple(old),
            after=tuple(new),
        )
        return
    yield from _tree(login, was, now)
    yield from _gone_and_new(login, old, new)
    for name in sorted(old.keys() & new.keys()):
        yield from _folder(login, old[name], new[name])
    yield from _quotas(login, was.quota, now.quota)


def _is_empty(view: ImapMailbox) -> bool:
    return not any(folder.messages for folder in view.folders)


def _tree(login: str, was: ImapMailbox, now: ImapMailbox) -> Iterator[Difference]:
    if was.separator != now.separator:
        yield _difference(
            login,
            "separator",
            "lost",
            f"the separator of folders is {now.separator!r}, {was.separator!r} before: {_AGAIN}",
            before=was.separator,
            after=now.separator,
        )
    gone = set(was.namespaces) - set(now.namespaces)
    if gone:
        names = ", ".join(sorted(f"{n.kind} {n.prefix!r}" for n in gone))
        yield _difference(
            login,
            "namespaces",
            "lost",
            f"the namespace {names} is gone: programs no longer find the folders in it",
            before=tuple(f"{n.kind} {n.prefix!r}" for n in was.namespaces),
            after=tuple(f"{n.kind} {n.prefix!r}" for n in now.namespaces),
        )


def _gone_and_new(
    login: str, old: Mapping[str, Folder], new: Mapping[str, Folder]
) -> Iterator[Difference]:
    for name in sorted(old.keys() - new.keys()):
        held = old[name].messages or 0
        yield _of_folder(
            login,
            name,
            "folder",
            "lost",
            f"the folder is gone, with {held} messages",
            "there",
            None,
        )
    for name in sorted(new.keys() - old.keys()):
        yield _of_folder(login, name, "folder", "gained", "the folder is new", None, "there")


def _folder(login: str, was: Folder, now: Folder) -> Iterator[Difference]:
    name = was.name
    if was.subscribed and not now.subscribed:
        text = "the folder is no longer subscribed: programs that show subscribed folders hide it"
        yield _of_folder(login, name, "subscribed", "lost", text, "yes", "no")
    gone = set(was.special_use) - set(now.special_use)
    if gone:
        text = (
            f"{' '.join(sorted(gone))} is gone: programs may use another folder, or make a new one"
        )
        yield _of_folder(
            login, name, "special_use", "weakened", text, was.special_use, now.special_use
        )
    if was.uidvalidity != now.uidvalidity and not was.messages:
        return  # there is nothing to download again
    if was.uidvalidity != now.uidvalidity:
        text = f"the UIDVALIDITY differs: {_AGAIN}"
        yield _of_folder(login, name, "uidvalidity", "lost", text, was.uidvalidity, now.uidvalidity)
        return
    yield from _messages(login, was, now)


def _messages(login: str, was: Folder, now: Folder) -> Iterator[Difference]:
    if None in (was.messages, now.messages, was.uidnext, now.uidnext):
        return
    before, after = was.messages or 0, now.messages or 0
    came = (now.uidnext or 0) - (was.uidnext or 0)
    if came < 0:
        text = f"the next UID went back: new mail gets numbers of old mail, and {_AGAIN}"
        yield _of_folder(login, was.name, "uidnext", "lost", text, was.uidnext, now.uidnext)
        return
    # What came and went between two looks, such as spam, moves the next UID and is nobody's loss.
    missing = before - (after if now.earlier is None else now.earlier)
    if missing > 0:
        text = f"{_count(missing)} missing: deleted meanwhile by the owner, or lost on the way"
        yield _of_folder(login, was.name, "messages", "lost", text, before, after)
    elif after > before:
        text = f"{_count(after - before)} new"
        yield _of_folder(login, was.name, "messages", "gained", text, before, after)
    elif (now.unseen or 0) > (was.unseen or 0):
        more = (now.unseen or 0) - (was.unseen or 0)
        text = f"{_count(more)} unread again: were the flags copied?"
        yield _of_folder(login, was.name, "unseen", "weakened", text, was.unseen, now.unseen)


def _quotas(login: str, was: tuple[Quota, ...], now: tuple[Quota, ...]) -> Iterator[Difference]:
    old = {(q.root, q.resource): q.limit for q in was}
    new = {(q.root, q.resource): q.limit for q in now}
    for root, resource in sorted(old.keys() & new.keys()):
        before, after = old[root, resource], new[root, resource]
        if before != after:
            yield _difference(
                login,
                "quota",
                "weakened" if after < before else "gained",
                f"the {resource} quota is {after} now, {before} before",
                before=before,
                after=after,
                about=resource,
            )


def _pop3(login: str, was: Pop3Mailbox, now: Pop3Mailbox) -> Iterator[Difference]:
    if was.messages and was.uidl_sha256 and now.uidl_sha256 is None:
        text = f"POP3 has no UIDL any more: {_AGAIN}"
        yield _difference(login, "uidls", "lost", text, before=was.uidl_sha256, after=None)
    # Mail that came or went leaves other UIDLs as they were; a new server may name all anew.
    elif was.uidl_marks and now.uidls and not set(was.uidl_marks) & set(now.uidls):
        text = f"all UIDLs of POP3 differ: {_AGAIN}"
        yield _difference(
            login, "uidls", "lost", text, before=was.uidl_sha256, after=now.uidl_sha256
        )
    fewer = (was.messages or 0) - (now.messages or 0)
    if fewer > 0:
        text = f"POP3 shows {fewer} fewer: fetched or deleted meanwhile, or lost on the way"
        yield _difference(
            login, "pop3_messages", "lost", text, before=was.messages, after=now.messages
        )


def _sieve(login: str, was: SieveScripts, now: SieveScripts) -> Iterator[Difference]:
    gone = set(was.scripts) - set(now.scripts)
    if gone:
        text = (
            f"the filter script {', '.join(sorted(gone))} is gone: mail is no longer sorted by it"
        )
        yield _difference(login, "scripts", "lost", text, before=was.scripts, after=now.scripts)
    elif was.active and was.active != now.active:
        text = f"the filter script {was.active} is no longer active: mail is not sorted as before"
        yield _difference(login, "active_script", "lost", text, before=was.active, after=now.active)


def _of_folder(  # noqa: PLR0913, PLR0917 - one line a difference reads better
    login: str,
    name: str,
    field: str,
    class_: ChangeClass,
    text: str,
    before: Value,
    after: Value,
) -> Difference:
    return _difference(
        f"{login}, folder {name}", field, class_, text, before=before, after=after, about=name
    )


def _difference(  # noqa: PLR0913 - as above
    who: str,
    field: str,
    class_: ChangeClass,
    text: str,
    *,
    before: Value,
    after: Value,
    about: str = "",
) -> Difference:
    return Difference(
        field=f"mailbox.{field}",
        before=before,
        after=after,
        class_=class_,
        message=f"{who}: {text}",
        about=f"{who}\0{about}",
    )


def _count(number: int) -> str:
    return "1 message is" if number == 1 else f"{number} messages are"
