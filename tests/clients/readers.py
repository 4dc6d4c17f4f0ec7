"""More light programs: those that know a fingerprint, NeoMutt, getmail, OfflineIMAP."""

from collections.abc import Callable, Sequence
from typing import Literal

from tests.clients.light import MUTT, MUTT_SHOWN, fetchmail
from tests.clients.programs import Program, Visit, by_code, fingerprint, shown, written

Which = Literal["served", "other"]
Argv = Callable[[Visit], Sequence[str]]


def _print(visit: Visit, name: str, which: Which) -> str:
    fits = fingerprint(visit, name)
    return fits if which == "served" else ":".join(fits.split(":")[::-1])


def _msmtp(which: Which) -> Argv:
    return lambda visit: (
        *("msmtp", "--serverinfo", f"--host={visit.host}", f"--port={visit.submission}"),
        *("--tls=on", "--tls-starttls=on", "--timeout=20", "--tls-trust-file="),
        f"--tls-fingerprint={_print(visit, 'sha256', which)}",
    )


_FETCHMAIL = """\
poll {visit.host} service {visit.imaps} protocol IMAP username "{login}" password "{password}"
options ssl sslfingerprint "FINGERPRINT" sslcertfile "{visit.root}" sslcertpath "{visit.home}"
"""


def _fetchmail(which: Which) -> Argv:
    return lambda visit: fetchmail(
        visit, _FETCHMAIL.replace("FINGERPRINT", _print(visit, "md5", which))
    )


def _neomutt(visit: Visit) -> Sequence[str]:
    return ("neomutt", "-n", "-F", written(visit, "muttrc", MUTT))


_GETMAIL = """\
[retriever]
type = SimpleIMAPSSLRetriever
server = {visit.host}
port = {visit.imaps}
username = {login}
password = {password}
ca_certs = {visit.root}
[destination]
type = Maildir
path = {visit.home}/Mail/
[options]
delete = false
"""


def _getmail(visit: Visit) -> Sequence[str]:
    for name in ("cur", "new", "tmp"):
        (visit.home / "Mail" / name).mkdir(parents=True)
    config = written(visit, "getmailrc", _GETMAIL)
    return ("getmail", "--rcfile", config, "--getmaildir", str(visit.home))


_OFFLINEIMAP = """\
[general]
accounts = lab
metadata = {visit.home}/metadata
socktimeout = 20
[Account lab]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {visit.home}/Mail
[Repository far]
type = IMAP
remotehost = {visit.host}
remoteport = {visit.imaps}
remoteuser = {login}
remotepass = {password}
ssl = yes
"""


def _offlineimap(visit: Visit, trust: str = "sslcacertfile = {visit.root}") -> Sequence[str]:
    config = written(visit, "offlineimaprc", f"{_OFFLINEIMAP}{trust}\n")
    return ("offlineimap", "-o", "-u", "basic", "-c", config)


def _offlineimap_pinned(which: Which) -> Argv:
    def argv(visit: Visit) -> Sequence[str]:
        known = _print(visit, "sha256", which).replace(":", "").lower()
        return _offlineimap(visit, f"cert_fingerprint = {known}")

    return argv


_WHICH: tuple[tuple[Which, str], ...] = (("served", "the fingerprint"), ("other", "another one"))

READERS = (
    Program(
        client="neomutt-2022",
        name="NeoMutt, IMAP",
        server="dovecot",
        argv=_neomutt,
        read=shown(MUTT_SHOWN),
        shown="|".join(MUTT_SHOWN),
    ),
    Program(
        client="getmail-6.18",
        name="getmail, IMAPS",
        server="dovecot",
        argv=_getmail,
        read=by_code(0, 127, saying="SSL|hostname"),
    ),
    Program(
        client="offlineimap-8",
        name="OfflineIMAP, IMAPS",
        server="dovecot",
        argv=_offlineimap,
        read=by_code(0, 1, saying="SSL|certificate"),
    ),
    *(
        Program(
            client="msmtp-1.8-pinned",
            name=f"msmtp that knows {words}",
            server="postfix",
            argv=_msmtp(which),
            read=by_code(0, 69, 76, saying="TLS"),
            knows=which,
        )
        for which, words in _WHICH
    ),
    *(
        Program(
            client="fetchmail-6.4-pinned",
            name=f"fetchmail that knows {words}",
            server="dovecot",
            argv=_fetchmail(which),
            read=by_code(1, 2, saying="SSL|certificate|fingerprint"),
            knows=which,
        )
        for which, words in _WHICH
    ),
    *(
        Program(
            client="offlineimap-8-pinned",
            name=f"OfflineIMAP that knows {words}",
            server="dovecot",
            argv=_offlineimap_pinned(which),
            read=by_code(0, 1, saying="SSL|certificate|fingerprint"),
            knows=which,
        )
        for which, words in _WHICH
    ),
)
