"""What a mail program will do at an endpoint: connect, ask its owner, or be locked out; and why."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from certcheck.judge.negotiation import NoSession, Session, negotiated, real
from certcheck.judge.path import path
from certcheck.judge.shown import fingerprint
from certcheck.model.certificate import Certificate
from certcheck.model.client import Client, Fault, Policy, Reaction, Stack, Store
from certcheck.model.observation import Deployment, Observation
from certcheck.model.prediction import Evidence, Prediction, Result
from certcheck.names import covering

_NO_ONE = "none"  # the store of a program that verifies nothing
# The worst one decides what becomes of the connection.
_RESULTS: Mapping[Reaction, Result] = {
    "refuses": "locked_out",
    "asks": "asks",
    "unknown": "unknown",
    "ignores": "connects",
}
# Evidence from the best to the worst: a prediction is as good as the worst it is made of.
_EVIDENCE: Sequence[Evidence] = get_args(Evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a prediction knows beside the client and the server.

    `before` are the SHA-256 of certificates that programs know from before.
    """

    stores: Mapping[str, Store]
    now: datetime
    before: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    fault: Fault
    why: str
    sure: bool = True


def predicted(client: Client, seen: Observation, name: str, known: Known) -> Prediction:
    """What `client` will do at the observed endpoint when its owner has set it to `name`.

    What the server really said to its hello beats what was expected.
    """
    outcome = _outcome(client, seen, name, known)
    return Prediction(
        client=client.id,
        name=client.name,
        platform=client.platform,
        group=client.family,
        endpoint=seen.endpoint,
        address=seen.address,
        server_name=name,
        result=outcome.result,
        protocol=outcome.session.version if outcome.session else None,
        suite=outcome.session.suite if isinstance(outcome.session, Session) else None,
        reason=outcome.reason,
        scope=client.asking.scope,
        evidence=outcome.evidence,
        fingerprints=tuple(
            fingerprint(leaf, shown) for leaf in outcome.leaves for shown in client.fingerprints
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    result: Result
    reason: str
    evidence: Evidence
    session: Session | NoSession | None = None
    leaves: tuple[Certificate, ...] = ()


def _outcome(client: Client, seen: Observation, name: str, known: Known) -> _Outcome:
    if seen.outcome != "seen":
        return _Outcome(result="unknown", reason="the server was not seen", evidence="unknown")
    if client.stack is None:
        why = "not known what its TLS offers"
        return _Outcome(result="unknown", reason=why, evidence="unknown")
    deployments = served_to(client.stack, seen, name)
    knock = next((each for each in seen.knocks if each.stack == client.stack.id), None)
    session = real(negotiated(client.stack, seen, deployments), knock, deployments)
    evidence = _worst(client.stack.evidence, client.stack_evidence)
    if isinstance(session, NoSession):
        result: Result = "locked_out" if session.sure else "unknown"
        return _Outcome(result=result, reason=session.reason, evidence=evidence, session=session)
    verdicts = [_of_certificate(client, each, name, known) for each in session.served]
    result, reason, of_rules = min(verdicts, key=lambda each: _RANKS.index(each[0]))
    return _Outcome(
        result=result,
        reason=reason,
        evidence=_worst(evidence, of_rules),
        session=session,
        leaves=tuple(each.leaf for each in session.served),
    )


_RANKS: Sequence[Result] = ("locked_out", "asks", "unknown", "connects")


def served_to(stack: Stack, seen: Observation, name: str) -> tuple[Deployment, ...]:
    """What the server shows to this stack: to who sends no name, what it serves without one."""
    with_name = bool(stack.sni) and name == seen.server_name
    chains = [each for each in seen.deployments if each.chain]
    wanted = [each for each in chains if (each.server_name is not None) == with_name]
    first: dict[str, Deployment] = {}
    for each in wanted or chains:
        first.setdefault(each.key_type, each)
    return tuple(first.values())


def _of_certificate(
    client: Client, deployment: Deployment, name: str, known: Known
) -> tuple[Result, str, Evidence]:
    leaf = deployment.leaf
    if client.pins and leaf.sha256 not in known.before:
        why = "a fingerprint is configured in it, and this certificate has another one"
        return "locked_out", why, client.asking.evidence
    if client.store == _NO_ONE:
        return "connects", "", client.store_evidence
    troubles = tuple(_troubles(client, deployment, name, known))
    if not troubles:
        return _undisturbed(client, leaf, known)
    return _disturbed(client, troubles)


def _undisturbed(client: Client, leaf: Certificate, known: Known) -> tuple[Result, str, Evidence]:
    is_new = bool(known.before) and leaf.sha256 not in known.before
    if is_new and client.asking.changed == "asks":
        return "asks", "it asks about any certificate that it does not know", client.asking.evidence
    return "connects", "", client.store_evidence


def _disturbed(client: Client, troubles: Sequence[_Trouble]) -> tuple[Result, str, Evidence]:
    reactions: list[Reaction] = [
        getattr(client.asking, each.fault) if each.sure else "unknown" for each in troubles
    ]
    results = [_RESULTS[reaction] for reaction in reactions]
    worst = min(results, key=_RANKS.index)
    if worst == "connects":
        return "connects", "", client.asking.evidence
    told = "; ".join(t.why for t, r in zip(troubles, results, strict=True) if r != "connects")
    if worst == "unknown" and all(each.sure for each in troubles):
        told = f"not known what it does then: {told}"
    return worst, told, client.asking.evidence


def _troubles(
    client: Client, deployment: Deployment, name: str, known: Known
) -> Iterator[_Trouble]:
    leaf, store = deployment.leaf, known.stores.get(client.store or "")
    if not _named(leaf, name, client.policy):
        yield _Trouble(fault="name", why=f"the certificate does not name {name}")
    if leaf.not_after < known.now:
        yield _Trouble(fault="expired", why=f"the certificate expired {leaf.not_after:%Y-%m-%d}")
    elif leaf.not_before > known.now:
        yield _Trouble(
            fault="expired", why=f"the certificate is valid from {leaf.not_before:%Y-%m-%d} only"
        )
    if store is None:
        yield _Trouble(fault="untrusted", why="not known which roots it trusts", sure=False)
        return
    way = path(deployment.chain, store, client.policy, known.now)
    if way.trusted != "yes":
        yield _Trouble(fault="untrusted", why=way.why, sure=way.trusted == "no")
    for why in _weaknesses(client.policy, deployment.chain, way.certificates):
        yield _Trouble(fault="weak", why=why)


def _named(leaf: Certificate, name: str, policy: Policy) -> bool:
    return covering(leaf.names[:1] if policy.first_name_only else leaf.names)(name)


def _weaknesses(
    policy: Policy, chain: Sequence[Certificate], way: Sequence[Certificate]
) -> Iterator[str]:
    leaf = chain[0]
    if policy.rsa_bits and leaf.key_type == "rsa" and int(leaf.key.split()[-1]) < policy.rsa_bits:
        yield f"it wants RSA keys of {policy.rsa_bits} bits, and this is {leaf.key}"
    # The root's own signature is asked of nobody.
    signed = [each for each in (way[:-1] or chain[:1]) if not each.self_signed]
    if policy.sha1 is False and any(each.has_old_hash for each in signed):
        yield "it no longer accepts signatures by SHA-1"
    days = timedelta(days=policy.most_days) if policy.most_days else None
    if days and leaf.not_after - leaf.not_before > days:
        yield f"it accepts certificates for {policy.most_days} days at most"


def _worst(*known: Evidence) -> Evidence:
    return max(known, key=_EVIDENCE.index)
