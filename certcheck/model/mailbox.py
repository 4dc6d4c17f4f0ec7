"""What somebody who logs in finds in a mailbox, without its mail: two looks can be compared."""

from dataclasses import dataclass, field
from typing import Literal

# `refused`: the login or the password is not taken. `unavailable`: the server cannot tell now, as
# with a stored hash that it does not know. `not_seen`: it could not be asked, or not to the end.
Access = Literal["opened", "refused", "unavailable", "not_seen"]

# RFC 2342 5: one's own folders, those of other users, and those of everybody.
Kind = Literal["personal", "other", "shared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    r"""A folder, by its name in Unicode; numbers are None where it holds no mail or does not tell.

    Bytes of the name that are no modified UTF-7 (RFC 3501 5.1.3) stand as `\xNN`. `earlier` is how
    many messages are left of those that an earlier look knew; it stays inside certcheck.
    """

    name: str
    messages: int | None = None
    uidvalidity: int | None = None
    uidnext: int | None = None
    unseen: int | None = None
    subscribed: bool = False
    special_use: tuple[str, ...] = ()
    selectable: bool = True
    earlier: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A part of the tree of folders (RFC 2342), by the beginning of its folders' names."""

    kind: Kind
    prefix: str
    separator: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A limit of the INBOX's quota root (RFC 9208); `usage` changes with every mail."""

    root: str
    resource: str
    usage: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapMailbox:
    """What IMAP shows of it; without facts unless it was opened. All but namespaces is sorted.

    `detail` is why not, or what a folder does not tell, in the server's words; it may hold a time,
    and two looks are equal without it.
    """

    endpoint: str
    address: str
    outcome: Access
    detail: str = field(default="", compare=False)
    separator: str | None = None
    namespaces: tuple[Namespace, ...] = ()
    folders: tuple[Folder, ...] = ()
    subscribed_missing: tuple[str, ...] = ()
    quota: tuple[Quota, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pop3Mailbox:
    """What POP3 shows of it: how many messages, and the SHA-256 of their UIDLs, one a line.

    `uidl_marks` are the SHA-256 (16 digits) of some UIDLs from all over the list, by which a later
    look tells mail that came or went from a mailbox whose UIDLs are all others. `uidls` are those
    of this look; they stay inside certcheck.
    """

    endpoint: str
    address: str
    outcome: Access
    detail: str = field(default="", compare=False)
    messages: int | None = None
    uidl_sha256: str | None = None
    uidl_marks: tuple[str, ...] = ()
    uidls: tuple[str, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SieveScripts:
    """What ManageSieve shows of it: the names of its scripts, and which one is active."""

    endpoint: str
    address: str
    outcome: Access
    detail: str = field(default="", compare=False)
    scripts: tuple[str, ...] = ()
    active: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One account's mailbox; a service is None where nobody wanted to ask one."""

    login: str
    imap: ImapMailbox | None = None
    pop3: Pop3Mailbox | None = None
    sieve: SieveScripts | None = None
