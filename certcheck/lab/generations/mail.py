"""What a mail host is configured with, as one value that a test can change before it starts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from certcheck.lab.generations import dovecot, postfix
from certcheck.lab.generations.finish import USERS as ACCOUNTS
from certcheck.lab.generations.plan import HASHED_USERS, LEGACY, MASTER, MASTER_PASSWORD
from certcheck.lab.pki import Identity
from certcheck.lab.plan import USERS

Part = Literal["dovecot", "main", "master", "users", "masters", "sni"]

_PATHS: dict[Part, str] = {
    "dovecot": "/etc/dovecot/dovecot.conf",
    "main": "/etc/postfix/main.cf",
    "master": "/etc/postfix/master.cf",
    "users": "/etc/dovecot/users",
    "masters": "/etc/dovecot/masters",
    "sni": "/etc/postfix/sni",
}
_DOVECOT_ONLY: tuple[Part, ...] = ("users", "masters")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a mail host, as it shall be."""

    path: str
    content: bytes
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


def _users() -> str:
    plain = [f"{user.login}:{{PLAIN}}{user.password}\n" for user in USERS]
    hashed = [f"{user.login}:{{{user.scheme}}}{user.hashed}\n" for user in HASHED_USERS]
    return "".join([*plain, *hashed])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """The text of each file, and what Dovecot, Postfix and the name LEGACY are served with.

    `files` are written after all others, and may replace one of them.
    """

    dovecot: str
    main: str
    dovecot_identity: Identity
    postfix_identity: Identity
    legacy: Identity
    master: str = postfix.MASTER
    users: str = _users()
    masters: str = f"{MASTER}:{{PLAIN}}{MASTER_PASSWORD}\n"
    sni: str = f"{LEGACY} /etc/tls/legacy.key+chain.pem\n"
    files: tuple[File, ...] = ()

    def changed(self, part: Part, before: str, after: str) -> "Mail":
        """The same with another text in that part; raises ValueError where it is not."""
        text: str = getattr(self, part)
        if before not in text:
            raise ValueError(f"{before!r} does not stand in {_PATHS[part]}")
        changed: dict[str, str] = {part: text.replace(before, after)}
        return replace(self, **changed)  # type: ignore[arg-type]

    def with_file(self, file: File) -> "Mail":
        """The same with one more file."""
        return replace(self, files=(*self.files, file))

    @property
    def all_files(self) -> tuple[File, ...]:
        """Every file that the host gets."""
        return (*self._texts(), *self._certificates(), *self.files)

    def _texts(self) -> Iterator[File]:
        for part, path in _PATHS.items():
            text: str = getattr(self, part)
            secret = part in _DOVECOT_ONLY
            yield File(
                path=path,
                content=text.encode(),
                mode=0o640 if secret else 0o644,
                gid=ACCOUNTS["dovecot"][0] if secret else 0,
            )

    def _certificates(self) -> Iterator[File]:
        for prefix, first, second in (
            ("", self.dovecot_identity, self.postfix_identity),
            ("legacy.", self.legacy, self.legacy),
        ):
            place = f"/etc/tls/{prefix}"
            yield File(path=f"{place}fullchain.pem", content=first.chain)
            yield File(path=f"{place}privkey.pem", content=first.key, mode=0o600)
            yield File(path=f"{place}key+chain.pem", content=second.key_first, mode=0o600)


Change = Callable[[Mail], Mail]


def old(identity: Identity, legacy: Identity) -> Mail:
    """A sound configuration for Debian 11."""
    return Mail(
        dovecot=dovecot.OLD,
        main=postfix.OLD_MAIN,
        dovecot_identity=identity,
        postfix_identity=identity,
        legacy=legacy,
    )


def new(identity: Identity, legacy: Identity) -> Mail:
    """A sound configuration for Debian 13."""
    return Mail(
        dovecot=dovecot.NEW,
        main=postfix.NEW_MAIN,
        dovecot_identity=identity,
        postfix_identity=identity,
        legacy=legacy,
    )


def unchanged(mail: Mail) -> Mail:
    """The change that is none."""
    return mail
