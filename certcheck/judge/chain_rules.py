"""Rules about the certificates that come with the server's own: complete, in order, trusted."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from certcheck.errors import listed
from certcheck.judge import served
from certcheck.judge.fault import Fault, rule
from certcheck.model.observation import Deployment, Observation, Trust

GIVEN = "given"  # the store of --ca-file
_OLD_STORE = timedelta(days=2 * 365)
_SHOWN = 8
_FULL_CHAIN = {
    "dovecot": "ssl_cert = </etc/letsencrypt/live/NAME/fullchain.pem"
    "   # 2.4: ssl_server_cert_file = /etc/...",
    "postfix": "smtpd_tls_chain_files = /path/key-then-fullchain.pem\n"
    "# before Postfix 3.4: smtpd_tls_cert_file = /etc/letsencrypt/live/NAME/fullchain.pem",
}


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2")
def chain_incomplete(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The certificate that issued the server's own is not served.

    Often cert.pem was installed instead of fullchain.pem. Programs that fetch it themselves or
    have met it before (Apple, Windows) do not notice; Thunderbird, Android and most scripts
    refuse. Not said when a trust store accepts the chain as it is.
    """
    for each in observation.certificates:
        if _incomplete(each):
            fault = Fault(
                message=f"The intermediate certificate {each.leaf.issuer or 'without a name'} is "
                "missing: Thunderbird, Android and most others ask or refuse, Apple and Windows "
                "may hide it. Serve the full chain.",
                evidence=f"served: {_titles(each)}",
                about=each.leaf.sha256,
                remedy=_FULL_CHAIN,
            )
            yield served.weighed(observation, each, fault)


def _incomplete(deployment: Deployment) -> bool:
    accepted = any(trust.verdict == "pass" for trust in deployment.trust)
    return not (accepted or deployment.leaf.self_signed or served.issuer(deployment.chain))


@rule(severity="warning", source="https://www.rfc-editor.org/rfc/rfc5246#section-7.4.2")
def chain_disordered(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """A certificate does not certify the one before it.

    The chain is out of order, or holds one that does not belong to it. TLS 1.3 programs sort it
    out, older ones refuse.
    """
    for each in observation.certificates:
        strangers = tuple(
            parent.title
            for child, parent in pairwise(each.chain)
            if not served.issued_by(child, parent)
        )
        if strangers and not _incomplete(each):
            fault = Fault(
                message="The chain is out of order, or holds certificates that do not belong to "
                "it: old mail programs refuse it. Serve the server's certificate first, then each "
                "one's issuer, and nothing else.",
                evidence=f"served: {_titles(each)}; out of place: {_some(strangers)}",
                about=each.leaf.sha256,
                remedy=_FULL_CHAIN,
            )
            yield served.weighed(observation, each, fault)


@rule(severity="info", source="https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2")
def chain_has_root(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The root is served too.

    Nobody needs it, since a program trusts its own copy or none; it only makes each handshake
    longer.
    """
    for each in observation.certificates:
        roots = [link.title for link in each.chain[1:] if link.self_signed]
        if roots:
            yield Fault(
                message="The root certificate is served too, which no program needs. It may be "
                "left out of the chain file.",
                evidence=_some(roots),
                about=each.leaf.sha256,
            )


@rule(severity="error", source="https://www.rfc-editor.org/rfc/rfc5280#section-6")
def untrusted(observation: Observation, now: datetime) -> Iterator[Fault]:
    """No trust store accepts the chain, or not every one does.

    When none does, every mail program asks or refuses. When some refuse it, that is a warning
    that names them (a note when all of them are older than two years). Judged only where trust
    was looked at, and not where the reason already has a finding of its own (self-signed,
    expired, name or intermediate missing).
    """
    for each in served.for_customers(observation):
        refusing = tuple(trust for trust in each.trust if trust.verdict == "fail")
        if refusing and not _explained(observation, each, now):
            fault = _untrusted(each, refusing, now)
            if fault:
                yield fault


def _untrusted(deployment: Deployment, refusing: Sequence[Trust], now: datetime) -> Fault | None:
    about = deployment.leaf.sha256
    accepting = {trust.store for trust in deployment.trust if trust.verdict == "pass"}
    evidence = "; ".join(f"{_store(trust)}: {trust.reason or 'refused'}" for trust in refusing)
    if not accepting:
        return Fault(
            message="No trust store accepts the chain: every mail program asks the customer, or "
            "refuses. Issue a certificate from a public certificate authority.",
            evidence=evidence,
            about=about,
        )
    if accepting == {GIVEN}:
        return None
    return Fault(
        message=f"Not every trust store accepts the chain: refused by "
        f"{', '.join(_store(trust) for trust in refusing)}. Mail programs that use these ask or "
        "refuse. Look at which chain the certificate authority offers.",
        evidence=evidence,
        about=about,
        severity="note" if all(_outdated(trust, now) for trust in refusing) else "warning",
    )


@rule(severity="note", source="https://www.rfc-editor.org/rfc/rfc5280#section-6")
def private_ca(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """Only the store that was given with --ca-file accepts the chain.

    Mail programs that know this private certificate authority connect, all others ask or
    refuse.
    """
    for each in served.for_customers(observation):
        verdicts = {trust.store: trust.verdict for trust in each.trust}
        if verdicts.pop(GIVEN, None) == "pass" and set(verdicts.values()) == {"fail"}:
            yield Fault(
                message="The certificate comes from a private certificate authority: programs "
                "that were told to trust it connect, all others ask the customer or refuse.",
                evidence=each.leaf.issuer,
                about=each.leaf.sha256,
            )


def _explained(observation: Observation, deployment: Deployment, now: datetime) -> bool:
    leaf = deployment.leaf
    name = deployment.server_name or served.host(observation).ascii
    return (
        leaf.self_signed
        or not leaf.not_before <= now <= leaf.not_after
        or not served.covered(leaf, name)
        or _incomplete(deployment)
    )


def _outdated(trust: Trust, now: datetime) -> bool:
    try:
        made = datetime.fromisoformat(trust.date or "").replace(tzinfo=now.tzinfo)
    except ValueError:
        return False
    return now - made > _OLD_STORE


def _store(trust: Trust) -> str:
    return f"{trust.store} ({trust.date})" if trust.date else trust.store


def _titles(deployment: Deployment) -> str:
    return _some([each.title for each in deployment.chain])


def _some(titles: Sequence[str]) -> str:
    return listed(titles, most=_SHOWN)
