"""Which customers notice that something is gone, and how: one line for the support desk."""

from collections.abc import Iterable, Mapping

from certcheck.model.endpoint import Endpoint, Scheme

_SERVICES: Mapping[Scheme, str] = {
    "imap": "programs that read mail by IMAP with STARTTLS",
    "imaps": "programs that read mail by IMAP with SSL/TLS",
    "pop3": "programs that fetch mail by POP3 with STARTTLS",
    "pop3s": "programs that fetch mail by POP3 with SSL/TLS",
    "smtp": "other mail servers that deliver here, and programs that still send there",
    "submission": "programs that send mail with STARTTLS",
    "submissions": "programs that send mail with SSL/TLS",
    "sieve": "webmail and programs that edit filter rules (ManageSieve)",
    "lmtp": "the mail server that delivers here",
}

# RFC 4616, draft-murchison-sasl-login, RFC 2195, RFC 2831, RFC 5802, RFC 4752, RFC 7628, RFC 4422.
_MECHANISMS: Mapping[str, str] = {
    "PLAIN": "programs set to 'normal password' that know PLAIN only",
    "LOGIN": "programs that know LOGIN only, such as Outlook when it sends mail, and many scanners",
    "CRAM-MD5": "programs set to 'encrypted password' (CRAM-MD5)",
    "DIGEST-MD5": "programs set to 'encrypted password' (DIGEST-MD5)",
    "APOP": "programs set to 'encrypted password' (APOP)",
    "NTLM": "programs set to 'secure password authentication' (SPA, NTLM)",
    "GSSAPI": "programs set to 'Kerberos / GSSAPI'",
    "SCRAM-SHA-1": "programs set to SCRAM-SHA-1",
    "SCRAM-SHA-256": "programs set to SCRAM-SHA-256",
    "XOAUTH2": "programs set to 'OAuth2', which log in through a web page",
    "OAUTHBEARER": "programs set to 'OAuth2', which log in through a web page",
    "EXTERNAL": "programs that log in with a certificate of their own",
    "ANONYMOUS": "programs that log in without an account",
}

_CAPABILITIES: Mapping[str, str] = {
    "IDLE": "new mail no longer shows at once: programs look for it every few minutes",
    "LITERAL+": "programs that upload mail without waiting fail or become slower",
    "SASL-IR": "each login takes a step more",
    "UIDPLUS": "programs copy and delete less safely, and may show messages twice",
    "MOVE": "programs move messages by copying and deleting them",
    "NAMESPACE": "programs no longer find shared folders",
    "QUOTA": "programs no longer show how full the mailbox is",
    "SORT": "programs that let the server sort (webmail) become slower",
    "THREAD=REFERENCES": "webmail no longer shows conversations as the server sorts them",
    "CONDSTORE": "programs look at every message again to learn of changes",
    "QRESYNC": "programs look at every message again to learn of changes",
    "COMPRESS=DEFLATE": "programs on slow lines become slower",
    "SPECIAL-USE": "programs no longer know which folders are Sent, Drafts and Trash",
    "ACL": "programs can no longer share folders",
    "8BITMIME": "mail with umlauts is sent re-encoded, and some old programs refuse to send it",
    "SMTPUTF8": "mail to addresses with umlauts can no longer be sent",
    "DSN": "customers who ask for a delivery receipt get none",
    "PIPELINING": "sending becomes slower on distant lines",
    "ENHANCEDSTATUSCODES": "programs show less of why a message was refused",
    "UIDL": "POP3 programs that leave mail on the server fetch everything again",
    "TOP": "POP3 programs can no longer fetch headers only",
    "USER": "POP3 programs that log in by USER and PASS can no longer log in",
}

# Nobody's mail program depends on these.
HARMLESS = frozenset(
    {"VRFY", "ETRN", "EXPN", "HELP", "TURN", "CHUNKING", "XCLIENT", "XFORWARD", "ID"}
    | {"LOGIN-REFERRALS", "IMPLEMENTATION", "VERSION", "RESP-CODES"}
)


def of_service(endpoint: Endpoint) -> str:
    """`programs that read mail by IMAP with STARTTLS on port 143`."""
    return f"{_SERVICES[endpoint.scheme]} on port {endpoint.port}"


def of_mechanisms(gone: Iterable[str]) -> str:
    """Who logs in by these SASL mechanisms; one that is not known is named as it is."""
    return "; ".join(dict.fromkeys(_MECHANISMS.get(m, f"programs set to {m}") for m in gone))


def of_capabilities(gone: Iterable[str]) -> str:
    """What these capabilities did for customers; nothing for those that are not known."""
    known = (_CAPABILITIES.get(word.upper(), "") for word in gone)
    return "; ".join(dict.fromkeys(text for text in known if text))
