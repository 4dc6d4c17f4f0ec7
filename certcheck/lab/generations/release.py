"""The two releases of Debian that the lab's mail hosts run, and what each consists of."""

from dataclasses import dataclass

# Nothing pulls these in: apt takes the essential packages for granted.
_BASE = (
    *("base-files", "base-passwd", "bash", "coreutils", "dash", "debianutils", "findutils"),
    *("grep", "hostname", "libc-bin", "mawk", "ncurses-base", "sed"),
)
_MAIL = (
    *("dovecot-core", "dovecot-imapd", "dovecot-lmtpd", "dovecot-managesieved"),
    *("dovecot-pop3d", "dovecot-sieve", "openssl", "postfix"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release by its suite; `frozen` says that nothing but its main suite is served any more."""

    suite: str
    label: str
    frozen: bool
    packages: tuple[str, ...] = (*_BASE, *_MAIL)


OLD = Release(suite="bullseye", label="Debian 11", frozen=True)
NEW = Release(suite="trixie", label="Debian 13", frozen=False)
