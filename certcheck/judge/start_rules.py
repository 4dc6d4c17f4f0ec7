"""Rules about how TLS starts: what may stand between a connection and its first TLS record."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from certcheck.judge.fault import Fault, rule
from certcheck.model.observation import Observation, Reason


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc3207#section-4.2")
def injected_bytes(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """Plain text came after the server's go-ahead for TLS and before TLS.

    Whoever can put it there, on the way or in the server, can slip commands or replies into
    sessions that look encrypted. Careful programs hang up, careless ones take it for the
    server's word.
    """
    yield from _caused_by(
        "injected_bytes",
        observation,
        Fault(
            message="Plain text arrives after the server's go-ahead and before TLS: someone on "
            "the way, or the server itself, slips replies into sessions that look encrypted. "
            "Careful mail programs hang up, careless ones take it for the server's word. Ask "
            "the server on its own host (--connect-to NAME:PORT:127.0.0.1): if the text is there "
            "too, update the mail server; if not, look at what stands between here and there. "
            "Ports with implicit TLS (993, 995, 465) are safe from this.",
        ),
    )


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc9051#section-7.1.4")
def preauth(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The IMAP server greets with PREAUTH, and after that STARTTLS is not allowed.

    Programs that insist on encryption must hang up; others go on in the clear, in somebody's
    mailbox. Someone on the way can forge that greeting, too.
    """
    yield from _caused_by(
        "preauth",
        observation,
        Fault(
            message="The server greets with PREAUTH, as if someone were logged in already, and "
            "STARTTLS is no longer allowed then: mail programs that insist on encryption hang up, "
            "others go on in the clear. Take the automatic log-in off this port; where there is "
            "none, someone on the way forges the greeting.",
            remedy={
                "dovecot": "doveconf -n | grep -A9 '^service imap {'"
                "   # its inet_listener belongs into service imap-login"
            },
        ),
    )


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc3207#section-6")
def starttls_garbled(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The offer of STARTTLS, or the answer to it, arrives garbled, such as XXXXXXXA.

    Most often a firewall or virus scanner on the way wants to read along. Programs that insist on
    encryption fail, others send passwords and mail in the clear.
    """
    yield from _caused_by(
        "starttls_garbled",
        observation,
        Fault(
            message="The offer of STARTTLS, or the answer to it, arrives garbled: most often a "
            "firewall or virus scanner on the way wants to read along. Mail programs that insist "
            "on encryption fail, others send passwords and mail in the clear. Switch off SMTP "
            "inspection there (Cisco: no inspect esmtp, or allow-tls), or move customers to a "
            "port with implicit TLS.",
        ),
    )


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc8314#section-3")
def tls_on_plain_port(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """TLS starts at once on a port where plain text with STARTTLS belongs.

    Programs set to STARTTLS wait for a greeting that never comes, until they give up. The
    reverse is plain_on_tls_port.
    """
    yield from _caused_by(
        "tls_on_plain_port",
        observation,
        Fault(
            message="The port speaks TLS at once, but this service starts in plain text with "
            "STARTTLS: mail programs set to STARTTLS wait for a greeting until they give up, "
            "other mail servers bring no mail. Move implicit TLS to its own port (993, 995, 465).",
            remedy={
                "dovecot": "service imap-login {\n  inet_listener imap {\n    port = 143\n"
                "    ssl = no   # TLS comes by STARTTLS\n  }\n}",
                "postfix": "smtp inet n - y - - smtpd   # master.cf, also submission:\n"
                "# no -o smtpd_tls_wrappermode=yes there",
            },
        ),
    )


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc8314#section-3")
def plain_on_tls_port(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The server speaks plain text on a port where TLS belongs from the first byte.

    Programs set to SSL/TLS show a broken connection, or hang. The reverse is
    tls_on_plain_port.
    """
    yield from _caused_by(
        "plain_on_tls_port",
        observation,
        Fault(
            message="The server speaks plain text where TLS should start at once: mail programs "
            "set to SSL/TLS show a broken connection, or hang. Switch TLS on for this port.",
            remedy={
                "dovecot": "service imap-login {\n  inet_listener imaps {\n    port = 993\n"
                "    ssl = yes\n  }\n}",
                "postfix": "submissions inet n - y - - smtpd -o smtpd_tls_wrappermode=yes",
            },
        ),
    )


def _caused_by(reason: Reason, observation: Observation, fault: Fault) -> Iterator[Fault]:
    if observation.reason == reason:
        yield replace(fault, evidence=observation.detail)
