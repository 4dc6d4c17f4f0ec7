"""Rules about a certificate by itself: its dates, its names, its key, who signed it and how."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from certcheck.judge import served
from certcheck.judge.fault import Fault, rule
from certcheck.model.certificate import Certificate
from certcheck.model.observation import Observation

_EC_BITS = 224
_SHORT_LIVED = timedelta(days=10)


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5")
def expired(observation: Observation, now: datetime) -> Iterator[Fault]:
    """The server's certificate, or the one that issued it, is past its last day.

    Every mail program warns or refuses. Another expired certificate in the chain is a warning:
    old programs stop at it, new ones find a way around it.
    """
    for deployment in observation.certificates:
        needed = served.issuer(deployment.chain)
        for place, each in enumerate(deployment.chain):
            if each.not_after < now:
                fault = _expired(each, leaf=place == 0, needed=each in {deployment.leaf, needed})
                yield served.weighed(observation, deployment, fault)


def _expired(certificate: Certificate, *, leaf: bool, needed: bool) -> Fault:
    what = "The certificate" if leaf else f"A certificate of the chain ({certificate.title})"
    effect = "every mail program warns or refuses" if needed else "old mail programs refuse it"
    return Fault(
        message=f"{what} expired on {served.shown(certificate.not_after)}: {effect}. "
        "Install a new one.",
        evidence=_naming(certificate),
        about=certificate.sha256,
        severity=None if needed else "warning",
    )


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5")
def not_yet_valid(observation: Observation, now: datetime) -> Iterator[Fault]:
    """The server's certificate is valid only from a later time on.

    Every mail program warns or refuses until then. Either it was installed too early, or a
    clock is wrong.
    """
    for deployment in observation.certificates:
        if deployment.leaf.not_before > now:
            fault = Fault(
                message="The certificate is valid only from "
                f"{served.shown(deployment.leaf.not_before)} on: until then every mail program "
                "warns or refuses. Install one that is valid now, or check this host's clock.",
                evidence=_naming(deployment.leaf),
                about=deployment.leaf.sha256,
            )
            yield served.weighed(observation, deployment, fault)


@rule(severity="warning", source="https://letsencrypt.org/docs/integration-guide/#when-to-renew")
def expires_soon(observation: Observation, now: datetime) -> Iterator[Fault]:
    """Less than a third of the certificate's lifetime is left.

    The renewal should have happened (of a lifetime under ten days: at half of it). Counted in
    parts of the lifetime, because a number of days says nothing about certificates that live
    for six days, or for three years.
    """
    for deployment in observation.certificates:
        leaf = deployment.leaf
        lifetime, left = leaf.not_after - leaf.not_before, leaf.not_after - now
        share = 1 / 2 if lifetime < _SHORT_LIVED else 1 / 3
        if timedelta(0) <= left < lifetime * share:
            fault = Fault(
                message=f"The certificate expires on {served.shown(leaf.not_after)}: "
                f"{left / lifetime:.0%} of its lifetime is left. Renew it now, and find out why "
                "the renewal did not happen.",
                evidence=_naming(leaf),
                about=leaf.sha256,
            )
            yield served.weighed(observation, deployment, fault)


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc9525#section-6.3")
def name_missing(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The certificate that is served for this host name does not name it.

    Every mail program asks or refuses. Only the subjectAltName counts, a wildcard stands for
    one label, an IP address must be named as such. A name that stands in the common name only
    is not seen by current programs.
    """
    for deployment in served.for_customers(observation):
        name = deployment.server_name or served.host(observation).ascii
        if not served.covered(deployment.leaf, name):
            yield Fault(
                message=_missing(deployment.leaf, name),
                evidence=_naming(deployment.leaf),
                about=deployment.leaf.sha256,
                remedy={
                    "dovecot": f"local_name {name} {{\n  ssl_cert = </path/chain.pem   "
                    "# 2.4: ssl_server_cert_file = /path/chain.pem\n"
                    "  ssl_key = </path/key.pem      # 2.4: ssl_server_key_file\n}",
                    "postfix": "tls_server_sni_maps = hash:/etc/postfix/sni   # then: postmap -F",
                },
            )


def _missing(leaf: Certificate, name: str) -> str:
    if not leaf.names and re.search(
        rf"(^|,)CN={re.escape(name)}($|,)", leaf.subject, re.IGNORECASE
    ):
        return (
            f"The certificate names {name} only as its common name, where current mail programs "
            "no longer look: they ask or refuse. Issue one with the name as subjectAltName."
        )
    return (
        f"The certificate does not name {name}: every mail program asks or refuses. Issue one "
        "that names it, or tell customers a name that it covers."
    )


@rule(severity="info", source="https://www.rfc-editor.org/rfc/rfc6066#section-3")
def name_missing_without_sni(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """What is served to programs that send no SNI does not name this host.

    Programs from before about 2015 do not say which name they want, and get the server's
    default certificate. Only they ask or refuse. Silent where everybody gets that certificate.
    """
    host = served.host(observation)
    for deployment in observation.certificates:
        leaf = deployment.leaf
        default_only = deployment.server_name is None and not host.is_ip
        if default_only and not served.covered(leaf, host.ascii):
            yield Fault(
                message=f"Programs that send no SNI get a certificate that does not name "
                f"{host.ascii}: they ask or refuse. Only programs from before about 2015 do that; "
                "make this name's certificate the default if customers use them.",
                evidence=_naming(leaf),
                about=leaf.sha256,
            )


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc5280#section-6.1")
def self_signed(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The server's certificate is signed with its own key.

    No mail program can tell it from a forged one, so every one asks the customer or refuses.
    """
    for deployment in observation.certificates:
        if deployment.leaf.self_signed:
            fault = Fault(
                message="The certificate is self-signed: every mail program asks the customer to "
                "accept it, or refuses. Issue one from a public certificate authority.",
                evidence=_naming(deployment.leaf),
                about=deployment.leaf.sha256,
            )
            yield served.weighed(observation, deployment, fault)


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc9325#section-4.5")
def weak_key(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """A certificate has an RSA key below 2048 bits, or an elliptic curve below 224 bits.

    Current programs refuse it, and it can be broken (RFC 9325, Mozilla 6.0, NCSC-NL 2025).
    """
    for deployment, each, _ in served.certificates(observation):
        family, _, size = each.key.partition(" ")
        bits = int(next(iter(re.findall(r"\d{3,}", size)), "0"))
        wanted = {"RSA": served.RSA_BITS, "ECDSA": _EC_BITS}.get(family, 0)
        if 0 < bits < wanted:
            fault = Fault(
                message=f"The key of {each.title} is too weak ({each.key}): current mail programs "
                "refuse it. Issue a certificate with a new key.",
                evidence=_naming(each),
                about=each.sha256,
            )
            yield served.weighed(observation, deployment, fault)


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2.4")
def weak_signature(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """A certificate is signed with MD5 or SHA-1, for which forgeries are known.

    Current programs refuse it. The signature of a root is not checked by anyone and does not
    count.
    """
    for deployment, each, place in served.certificates(observation):
        if each.has_old_hash and not (place and each.self_signed):
            fault = Fault(
                message=f"{each.title} is signed with {each.signature}: current mail programs "
                "refuse it. Issue a new certificate.",
                evidence=_naming(each),
                about=each.sha256,
            )
            yield served.weighed(observation, deployment, fault)


def _naming(certificate: Certificate) -> str:
    names = (
        ", ".join(certificate.names[:5]) or f"no names, subject {certificate.subject or 'empty'}"
    )
    more = len(certificate.names) - 5
    return f"{names} and {more} more" if more > 0 else names
