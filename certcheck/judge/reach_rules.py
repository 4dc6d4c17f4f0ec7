"""Rules about getting as far as TLS: is the port open, is TLS offered, does it come up."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from certcheck.judge.fault import Fault, rule
from certcheck.model.observation import Observation, Reason

_DOVECOT_CERTIFICATE = (
    "doveconf -x ssl_cert ssl_key   # 2.4: ssl_server_cert_file ssl_server_key_file\n"
    "journalctl -u dovecot -n 50    # says why TLS could not be set up\n"
    "doveadm reload"
)
_POSTFIX_CERTIFICATE = (
    "postconf smtpd_tls_chain_files smtpd_tls_cert_file smtpd_tls_key_file\n"
    "grep 'TLS' /var/log/mail.log | tail   # says why TLS was disabled\n"
    "postfix reload"
)
_BROKEN = {"dovecot": _DOVECOT_CERTIFICATE, "postfix": _POSTFIX_CERTIFICATE}
_OFFER = {
    "dovecot": "ssl = required",
    "postfix": "smtpd_tls_security_level = may   # 587: encrypt, in master.cf",
}

_FAILED: Mapping[Reason, str] = {
    "starttls_not_offered": (
        "The server offers no STARTTLS: mail programs that insist on encryption cannot "
        "connect, others send passwords and mail in the clear. Switch TLS on for this "
        "service."
    ),
    "tls_unavailable_454": (
        "The server offers STARTTLS and then refuses it: most often its key does not match "
        "its certificate, or cannot be read. Mail programs that insist on encryption cannot "
        "connect. Look into the server's log."
    ),
    "closed_after_go_ahead": (
        "The server agrees to start TLS and then hangs up: most often its key does not match "
        "its certificate, or cannot be read. Mail programs show a broken connection. Look "
        "into the server's log."
    ),
    "handshake_failed": (
        "TLS starts and fails: mail programs cannot connect. Server and program may share no "
        "TLS version or cipher suite, or the server's key and certificate do not fit. Look "
        "into the server's log."
    ),
}

_REMEDIES: Mapping[Reason, Mapping[str, str]] = {
    "starttls_not_offered": _OFFER,
    "tls_unavailable_454": _BROKEN,
    "closed_after_go_ahead": _BROKEN,
    "handshake_failed": _BROKEN,
}

_UNSEEN: Mapping[Reason, str] = {
    "unreachable": (
        "Nothing answered: the port is filtered, or the host is down or cut off. Check the "
        "firewall and the route from here, then run this again."
    ),
    "unresolved": (
        "The name has no address, or the name servers did not answer. Check the spelling and "
        "DNS, then run this again."
    ),
    "greeting_timeout": (
        "The server took the connection and said nothing for too long. Look at its load and "
        "its log, then run this again."
    ),
    "handshake_timeout": (
        "TLS started and did not finish in time. Look at the server's load and log, then run "
        "this again."
    ),
    "rate_limited": (
        "The server limits connections and turned this one away, so nothing is known. Run "
        "this again later, with a smaller --per-host, or exempt this address."
    ),
    "bye": (
        "The server said goodbye instead of talking: it is full or in maintenance. Run this "
        "again later."
    ),
    "rejected_554": (
        "The server refuses to talk to this address. Exempt it from blocking there, or run "
        "this from elsewhere."
    ),
    "wrong_protocol": (
        "Something else answers here than this protocol. Check the port in the target."
    ),
    "oversized": (
        "The server sent more than a greeting or a chain of certificates may hold, so the "
        "dialogue was stopped. Look at what really answers on this port."
    ),
}


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc8314#section-7.3")
def port_closed(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """A port that was asked for refuses connections.

    Mail programs that are set to it cannot connect. Ports that were only looked for (a bare
    host name as target) are not judged.
    """
    if observation.outcome == "closed":
        yield Fault(
            message="Nothing listens on this port: mail programs that are set to it cannot "
            "connect. Start the service, open the firewall, or stop naming this port to customers.",
            evidence=observation.detail,
        )


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc8314#section-3")
def tls_failed(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The service offers no TLS, or offers it and cannot do it.

    STARTTLS missing or refused (454), a connection closed after the go-ahead, a handshake that
    fails: says what customers see, and quotes the server. Where injected_bytes, preauth,
    starttls_garbled, tls_on_plain_port or plain_on_tls_port tells the cause, it points there.
    """
    if observation.outcome in {"no_tls", "tls_failed"}:
        reason = observation.reason or "handshake_failed"
        yield Fault(
            message=_FAILED.get(reason, f"Mail programs have no safe TLS here: {reason} says why."),
            remedy=_REMEDIES.get(reason, {}),
            evidence=observation.detail,
        )


@rule(
    severity="warning",
    verdict="inconclusive",
    source="https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.2",
)
def not_seen(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """Nothing can be said about this place.

    The name did not resolve, nobody answered in time, or the server turned the probe away. That
    is neither good nor bad, and never counted as either.
    """
    if observation.outcome == "inconclusive":
        yield Fault(
            message=_UNSEEN[observation.reason or "unreachable"], evidence=observation.detail
        )


@rule(
    severity="note",
    verdict="inconclusive",
    source="https://www.rfc-editor.org/rfc/rfc8446#section-4.1",
)
def scan_incomplete(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """One further question to the server got no reliable answer.

    The handshake was seen; the reason why the question stays open stands beside it. What was
    not answered is not judged.
    """
    for doubt in dict.fromkeys(observation.doubts):
        yield Fault(
            message="One question to this server got no reliable answer, so the answer is left "
            "open. Run this again when the server is less busy.",
            evidence=doubt,
            about=doubt,
        )


@rule(
    severity="warning",
    verdict="inconclusive",
    source="https://www.rfc-editor.org/rfc/rfc8446#section-4.1.1",
)
def engines_disagree(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """Sslyze and certcheck's own hellos do not see the same cipher suites accepted.

    Only at depth full, which asks both. Each was asked again before this is said. The list has
    what either of them saw accepted.
    """
    for disagreement in observation.disagreements:
        yield Fault(
            message="Two independent scans of this port disagree about cipher suites. Perhaps "
            "several servers with different settings answer here; else look with a third tool "
            "before relying on the list.",
            evidence=disagreement,
            about=disagreement,
        )
