"""Rules about known holes in TLS servers, by what sslyze's checks say."""

from collections.abc import Iterator
from datetime import datetime

from certcheck.judge.fault import Fault, rule
from certcheck.judge.protocol_rules import NO_RSA
from certcheck.model.observation import Observation

_LEAKED = (
    "Update the TLS library at once, restart the server, then take a new key and certificate and "
    "have passwords changed."
)
_NO_COMPRESSION = {
    "dovecot": "ssl_options = no_compression   # from 2.3 on it is off unless switched on",
    "postfix": "tls_ssl_options = NO_COMPRESSION",
}


@rule(severity="error", source="https://nvd.nist.gov/vuln/detail/CVE-2014-0160")
def heartbleed(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The server has the Heartbleed hole (CVE-2014-0160).

    Anybody can read its memory: passwords, mail and the private key.
    """
    if evidence := _failed(observation, "heartbleed"):
        yield Fault(
            message=f"Anybody can read the server's memory, with the private key (Heartbleed). "
            f"{_LEAKED}",
            evidence=evidence,
        )


@rule(severity="error", source="https://robotattack.org/")
def robot(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The server tells good RSA key exchanges from bad ones (ROBOT).

    Who has recorded a session can have it decrypted by the server itself, with many questions. A
    weak oracle takes so many that it hardly pays: a warning.
    """
    if evidence := _failed(observation, "robot"):
        yield Fault(
            message="The server tells good RSA key exchanges from bad ones (ROBOT): recorded "
            "sessions can be decrypted with its help. Update the TLS library, and switch off "
            "suites without forward secrecy.",
            evidence=evidence,
            remedy=NO_RSA,
            severity="warning" if "weak" in evidence else None,
        )


@rule(severity="error", source="https://nvd.nist.gov/vuln/detail/CVE-2014-0224")
def ccs_injection(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The server takes a ChangeCipherSpec that comes too early (CVE-2014-0224).

    Who sits in between can read and change what old clients and this server say to each other.
    """
    if evidence := _failed(observation, "ccs_injection"):
        yield Fault(
            message="The server starts to encrypt too early when told so (CCS injection): who sits "
            "in between can read along. Update the TLS library and restart the server.",
            evidence=evidence,
        )


@rule(severity="warning", source="https://www.rfc-editor.org/rfc/rfc9325#section-3.3")
def compression(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The server compresses inside TLS.

    The length of what is sent then tells something of its content (CRIME).
    """
    if evidence := _failed(observation, "compression"):
        yield Fault(
            message="TLS compression is on: the length of a message tells something of its "
            "content (CRIME). Switch it off.",
            evidence=evidence,
            remedy=_NO_COMPRESSION,
        )


@rule(severity="warning", source="https://www.rfc-editor.org/rfc/rfc5746")
def insecure_renegotiation(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """Secure renegotiation (RFC 5746) is not supported.

    Who sits in between may put words of his own before those of a client. Clients with OpenSSL 3
    do not connect at all.
    """
    if evidence := _failed(observation, "secure_renegotiation"):
        yield Fault(
            message="Secure renegotiation is not supported: who sits in between may put words "
            "before a client's own, and current clients do not connect. The server's TLS library "
            "is from before 2010; update it.",
            evidence=evidence,
        )


@rule(severity="note", source="https://nvd.nist.gov/vuln/detail/CVE-2011-1473")
def client_renegotiation(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """A client may start new handshakes inside a session.

    One client can keep the server busy that way. No mail program needs it.
    """
    if evidence := _failed(observation, "client_renegotiation"):
        yield Fault(
            message="A client may ask for new handshakes inside a session, and so keep the server "
            "busy at little cost. No mail program needs it.",
            evidence=evidence,
            remedy={"postfix": "tls_ssl_options = NO_RENEGOTIATION   # from 3.4 on"},
        )


@rule(severity="note", source="https://www.rfc-editor.org/rfc/rfc7507")
def fallback_scsv_missing(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """A client that falls back to an older TLS version is not warned (RFC 7507).

    Who sits in between can make old programs take the older one. It matters only as long as older
    versions are accepted.
    """
    if evidence := _failed(observation, "fallback_scsv"):
        yield Fault(
            message="A fallback to an older TLS version is not noticed, so who sits in between can "
            "force it on old programs. Update the TLS library, or switch off TLS 1.0 and 1.1.",
            evidence=evidence,
        )


@rule(severity="note", source="https://www.rfc-editor.org/rfc/rfc7627")
def extended_master_secret_missing(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """With TLS 1.2, keys are not bound to their handshake (RFC 7627).

    It matters for log-in by client certificate and for channel binding only. TLS 1.3 has it built
    in.
    """
    if evidence := _failed(observation, "extended_master_secret"):
        yield Fault(
            message="With TLS 1.2, keys are not bound to their handshake (no extended master "
            "secret), which log-in by client certificate relies on. Update the TLS library.",
            evidence=evidence,
        )


@rule(severity="note", source="https://www.rfc-editor.org/rfc/rfc8446#section-8")
def early_data(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """Data is taken before the TLS 1.3 handshake is done (0-RTT).

    Who has recorded it can send it once more. No mail protocol is made for that.
    """
    if evidence := _failed(observation, "early_data"):
        yield Fault(
            message="Data is taken before the TLS handshake is done (0-RTT), and who has recorded "
            "it can send it again. No mail protocol is made for that; switch it off, most likely "
            "in a proxy before the mail server.",
            evidence=evidence,
        )


def _failed(observation: Observation, name: str) -> str:
    check = observation.checks.get(name)
    if check is None or check.verdict != "fail":
        return ""
    return check.detail or "sslyze's check failed"
