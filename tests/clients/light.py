"""The light programs: what `make test` connects with."""

from collections.abc import Callable, Sequence

from tests.clients.programs import LOGIN, PASSWORD, Program, Visit, by_code, shown, written


def _curl(visit: Visit) -> Sequence[str]:
    login = ("-u", f"{LOGIN}:{PASSWORD}")
    url = f"imaps://{visit.host}:{visit.imaps}/"
    return ("curl", "-sS", "--max-time", "20", "--cacert", str(visit.root), *login, url)


def _openssl(visit: Visit) -> Sequence[str]:
    return (
        *("openssl", "s_client", "-connect", f"{visit.host}:{visit.imap}", "-starttls", "imap"),
        *("-servername", visit.host, "-verify_hostname", visit.host, "-verify_return_error"),
        *("-CAfile", str(visit.root), "-no-CApath", "-no-CAstore"),
    )


_IMAPLIB = """\
import imaplib, ssl, sys
host, port, root, user, password = sys.argv[1:]
context = ssl.create_default_context(cafile=root)
try:
    session = imaplib.IMAP4_SSL(host, int(port), ssl_context=context, timeout=20)
except ssl.SSLError as e:
    print(e)
    sys.exit(3)
session.login(user, password)
session.logout()
"""


def _python(visit: Visit) -> Sequence[str]:
    # Debian's own: a Python built otherwise offers other suites.
    words = (visit.host, str(visit.imaps), str(visit.root), LOGIN, PASSWORD)
    return ("/usr/bin/python3", "-I", "-c", _IMAPLIB, *words)


_MBSYNC = """\
IMAPAccount a
Host {visit.host}
Port {visit.imap}
User {login}
Pass {password}
SSLType STARTTLS
SystemCertificates no
CertificateFile {visit.root}

IMAPStore far
Account a

MaildirStore near
Path {visit.home}/
Inbox {visit.home}/INBOX

Channel c
Far :far:
Near :near:
Patterns INBOX
"""


def _mbsync(visit: Visit) -> Sequence[str]:
    return ("mbsync", "-c", written(visit, "mbsyncrc", _MBSYNC), "-l", "c")


def _msmtp(visit: Visit) -> Sequence[str]:
    return (
        *("msmtp", "--serverinfo", f"--host={visit.host}", f"--port={visit.submission}"),
        *("--tls=on", "--tls-starttls=on", f"--tls-trust-file={visit.root}", "--timeout=20"),
    )


_FETCHMAIL = """\
poll {visit.host} service {visit.imaps} protocol IMAP username "{login}" password "{password}"
options ssl sslcertck sslcertfile "{visit.root}" sslcertpath "{visit.home}"
"""


def fetchmail(visit: Visit, text: str = _FETCHMAIL) -> Sequence[str]:
    """A look for mail, by a configuration."""
    config = written(visit, "fetchmailrc", text)
    return ("fetchmail", "-f", config, "--check", "-N", "--pidfile", str(visit.home / "pid"))


MUTT = """\
set ssl_starttls=yes ssl_force_tls=yes imap_user="{login}" imap_pass="{password}"
set ssl_ca_certificates_file="{visit.root}" certificate_file="{visit.home}/certificates"
set folder="{visit.home}" spoolfile="imap://{visit.host}:{visit.imap}/INBOX"
"""
MUTT_SHOWN = {
    r"SSL Certificate check": "asks",
    r"Mutt: imap://\S+INBOX \[Msg": "connects",
    r"gnutls_handshake: .*\(no mailbox\)": "locked_out",
}


def _mutt(visit: Visit) -> Sequence[str]:
    return ("mutt", "-n", "-F", written(visit, "muttrc", MUTT))


def _gnutls_cli(visit: Visit) -> Sequence[str]:
    return (
        *("gnutls-cli", f"--x509cafile={visit.root}", "--starttls-proto=imap"),
        *(f"--port={visit.imap}", visit.host),
    )


def _swaks(visit: Visit) -> Sequence[str]:
    return (
        *("swaks", "--server", visit.host, "--port", str(visit.submission), "--timeout", "20"),
        *("--tls", "--tls-verify", "--tls-ca-path", str(visit.root), "--quit-after", "TLS"),
    )


def _finger(level: str, *, named: bool) -> Callable[[Visit], Sequence[str]]:
    def argv(visit: Visit) -> Sequence[str]:
        where = (f"[{visit.address}]:{visit.submission}", *((visit.host,) if named else ()))
        options = ("-c", "-l", level, "-F", str(visit.root), "-L", "summary", "-T", "20")
        return ("posttls-finger", *options, *where)

    return argv


_FAILED = {"SSL_connect error|handshake failed": "locked_out"}
_VERIFIED = {"Verified TLS": "connects", "(Trusted|Untrusted) TLS": "locked_out"}


LIGHT = (
    Program(
        client="curl-7.88",
        name="curl, IMAPS",
        server="dovecot",
        argv=_curl,
        read=by_code(0, 35, 60, saying="SSL"),
    ),
    Program(
        client="openssl-s-client-3.0",
        name="openssl s_client, IMAP",
        server="dovecot",
        argv=_openssl,
        read=by_code(0, 1, saying="Verification error|SSL routines"),
    ),
    Program(
        client="python-3.11-debian-12",
        name="imaplib of Debian's Python, IMAPS",
        server="dovecot",
        argv=_python,
        read=by_code(0, 3, saying="SSL"),
    ),
    Program(
        client="mbsync-1.4",
        name="mbsync, IMAP",
        server="dovecot",
        argv=_mbsync,
        read=by_code(0, 1, saying="SSL|certificate|secure connect"),
    ),
    Program(
        client="fetchmail-6.4",
        name="fetchmail, IMAPS",
        server="dovecot",
        argv=fetchmail,
        # One is "no mail", which it says after the login.
        read=by_code(1, 2, saying="SSL|certificate"),
    ),
    Program(
        client="mutt-2.2",
        name="Mutt, IMAP",
        server="dovecot",
        argv=_mutt,
        read=shown(MUTT_SHOWN),
        shown="|".join(MUTT_SHOWN),
    ),
    Program(
        client="gnutls-cli-3.7",
        name="gnutls-cli, IMAP",
        server="dovecot",
        argv=_gnutls_cli,
        read=by_code(0, 1, saying="verification|handshake|Fatal"),
    ),
    Program(
        client="msmtp-1.8",
        name="msmtp, submission",
        server="postfix",
        argv=_msmtp,
        read=by_code(0, 69, 76, saying="TLS"),
    ),
    Program(
        client="swaks-20201014",
        name="swaks, submission",
        server="postfix",
        argv=_swaks,
        read=by_code(0, 29, saying="TLS startup failed"),
    ),
    Program(
        client="postfix-3.7-secure",
        name="posttls-finger -l secure",
        server="postfix",
        argv=_finger("secure", named=True),
        read=shown(_VERIFIED | _FAILED),
    ),
    Program(
        client="postfix-3.7",
        name="posttls-finger -l may",
        server="postfix",
        argv=_finger("may", named=False),
        read=shown({"TLS connection established": "connects"} | _FAILED),
    ),
)
