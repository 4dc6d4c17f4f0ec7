"""Rules about TLS itself: versions, cipher suites, and what is offered before TLS."""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from certcheck.judge.fault import Fault, rule
from certcheck.model.finding import Severity
from certcheck.model.observation import Observation

_MODERN = {
    "dovecot": "ssl_min_protocol = TLSv1.2",
    "postfix": "smtpd_tls_protocols = >=TLSv1.2\n"
    "smtpd_tls_mandatory_protocols = >=TLSv1.2\n"
    "# before Postfix 3.6: !SSLv2, !SSLv3, !TLSv1, !TLSv1.1",
}
# Suites with forward secrecy only.
NO_RSA = {
    "dovecot": "ssl_cipher_list = ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM",
    "postfix": "smtpd_tls_exclude_ciphers = aNULL, eNULL, EXPORT, DES, 3DES, RC4, MD5, kRSA",
}
_STRONG = {
    "dovecot": NO_RSA["dovecot"],
    "postfix": f"{NO_RSA['postfix']}\n"
    "smtpd_tls_ciphers = medium\n"
    "smtpd_tls_mandatory_ciphers = medium",
}

# In order: a suite counts for the first group that it fits. Names are IANA's; those of SSLv2
# (SSL_CK_*) and of drafts follow the same pattern.
_BROKEN = re.compile(r"_NULL_|_EXPORT|_RC4_|_RC2_|_DES_CBC_|_DES40_|_DES_64_|_MD5$")
_ANONYMOUS = re.compile(r"_anon_")
_TRIPLE_DES = re.compile(r"_3DES_|_DES_192_EDE3_")
_NO_SECRECY = re.compile(r"^TLS_(RSA|DH_RSA|DH_DSS|ECDH_RSA|ECDH_ECDSA)_")
_CBC_SHA1 = re.compile(r"_CBC_SHA$")

_BROKEN_WORDS = (
    "Cipher suites are accepted that protect nothing (no encryption, export strength, RC4, DES or "
    "MD5). Switch them off."
)
_ANONYMOUS_WORDS = (
    "Cipher suites without a certificate (anonymous) are accepted: a program that offers them "
    "cannot tell whom it talks to. Mail programs do not; switch them off."
)
_ANONYMOUS_MX_WORDS = (
    "Cipher suites without a certificate (anonymous) are accepted, as Postfix does by default: "
    "servers that deliver mail without checking the certificate may choose them."
)
_SUITES_SHOWN = 4
_TRIPLE_DES_WORDS = (
    "Cipher suites with 3DES are accepted, which leak in long sessions (Sweet32). Switch them off, "
    "unless customers have nothing better."
)
_NO_SECRECY_WORDS = (
    "Cipher suites without forward secrecy are accepted: who gets the key later can read what was "
    "recorded. Switch them off once no customer needs them."
)
_CBC_WORDS = (
    "With TLS 1.2 only CBC suites with SHA-1 are accepted, which current policies phase out. Allow "
    "AES-GCM and ChaCha20 as well."
)


@rule(severity="warning", source="https://www.rfc-editor.org/rfc/rfc8996")
def old_protocol(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """SSL, TLS 1.0 or TLS 1.1 is accepted.

    TLS 1.0 and 1.1 are no longer allowed (RFC 8996): a warning. SSLv2 and SSLv3 are broken (RFC
    6176, RFC 7568): an error. Some very old mail programs know nothing else; see who would be
    locked out before switching them off.
    """
    groups: tuple[tuple[set[str], Severity, str], ...] = (
        ({"SSLv2", "SSLv3"}, "error", "broken, and no current program needs it"),
        ({"TLSv1.0", "TLSv1.1"}, "warning", "no longer allowed (RFC 8996), except by old programs"),
    )
    for versions, severity, words in groups:
        accepted = [version for version in observation.protocols if version in versions]
        if accepted:
            yield Fault(
                message=f"{' and '.join(accepted)} accepted: {words}. Switch off what is older "
                "than TLS 1.2, after a look at who still uses it.",
                remedy=_MODERN,
                about=severity,
                severity=severity,
            )


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc9325#section-3.1.1")
def modern_protocol_missing(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """Neither TLS 1.2 nor TLS 1.3 is accepted.

    Current mail programs and phones cannot connect.
    """
    if observation.protocols and not {"TLSv1.2", "TLSv1.3"} & set(observation.protocols):
        yield Fault(
            message="Neither TLS 1.2 nor TLS 1.3 is accepted: current mail programs cannot "
            "connect. The server's TLS library is too old, or its settings forbid both.",
            evidence=", ".join(observation.protocols),
            remedy=_MODERN,
        )


@rule(severity="note", source="https://www.rfc-editor.org/rfc/rfc9325#section-3.1.1")
def tls13_missing(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """TLS 1.2 is the newest version that is accepted.

    Nobody is locked out; TLS 1.3 is faster and hides the certificate from listeners. It needs
    OpenSSL 1.1.1 or newer.
    """
    if "TLSv1.2" in observation.protocols and "TLSv1.3" not in observation.protocols:
        yield Fault(
            message="TLS 1.3 is not accepted. Nobody is locked out. It needs OpenSSL 1.1.1 or "
            "newer, and no setting that forbids it."
        )


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc9325#section-4.1")
def weak_suite(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """Cipher suites are accepted that protect too little.

    Suites that protect nothing (NULL, EXPORT, RC4, DES, MD5) are an error, anonymous ones and
    those that leak in long sessions (3DES) a warning. Anonymous ones between servers (RFC 7672
    8.2), suites without forward secrecy, and a TLS 1.2 that has none but CBC with SHA-1, are
    notes. TLS 1.3 has no weak suites.
    """
    left = {suite for suites in observation.cipher_suites.values() for suite in suites}
    between_servers = observation.endpoint.startswith("smtp:")
    groups: tuple[tuple[re.Pattern[str], Severity, str, str], ...] = (
        (_BROKEN, "error", "broken", _BROKEN_WORDS),
        (_ANONYMOUS, "note", "anonymous", _ANONYMOUS_MX_WORDS)
        if between_servers
        else (_ANONYMOUS, "warning", "anonymous", _ANONYMOUS_WORDS),
        (_TRIPLE_DES, "warning", "3des", _TRIPLE_DES_WORDS),
        (_NO_SECRECY, "note", "no forward secrecy", _NO_SECRECY_WORDS),
    )
    for pattern, severity, about, words in groups:
        found = sorted(suite for suite in left if pattern.search(suite))
        left -= set(found)
        if found:
            yield Fault(
                message=words,
                evidence=_some(found),
                remedy=_STRONG,
                about=about,
                severity=severity,
            )
    yield from _only_cbc(observation.cipher_suites)


def _some(suites: Sequence[str]) -> str:
    more = len(suites) - _SUITES_SHOWN
    shown = ", ".join(suites[:_SUITES_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown


def _only_cbc(suites: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    accepted = suites.get("TLSv1.2", ())
    if accepted and all(_CBC_SHA1.search(suite) for suite in accepted):
        yield Fault(
            message=_CBC_WORDS,
            evidence=_some(sorted(accepted)),
            remedy=_STRONG,
            about="only cbc",
            severity="note",
        )


@rule(severity="warning", source="https://www.rfc-editor.org/rfc/rfc8314#section-3.1")
def login_before_tls(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """Log-in mechanisms are offered before TLS has started.

    A badly set program sends its password in the clear. Seen over the loopback this says
    little, since Dovecot takes such connections for safe and offers log-in to them alone; then
    it is a note.
    """
    mechanisms = observation.capabilities.auth_before_tls
    if mechanisms and observation.tls_mode == "starttls":
        # Postfix makes no such difference.
        dovecot = not observation.endpoint.startswith(("smtp:", "submission:"))
        local = dovecot and _is_loopback(observation.address)
        yield Fault(
            message=_LOCAL_WORDS if local else _LOGIN_WORDS,
            evidence=f"before TLS: {', '.join(mechanisms)}",
            severity="note" if local else None,
            remedy={
                "dovecot": "disable_plaintext_auth = yes   # 2.4: auth_allow_cleartext = no\n"
                "ssl = required",
                "postfix": "smtpd_tls_auth_only = yes",
            },
        )


_LOGIN_WORDS = (
    "Log-in is offered before TLS: a badly set mail program sends its password in the clear. Offer "
    "it only inside TLS."
)
_LOCAL_WORDS = (
    "Log-in is offered before TLS, over the loopback: Dovecot does that for local connections even "
    "when all others need TLS. Look from another host before changing anything."
)


def _is_loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
