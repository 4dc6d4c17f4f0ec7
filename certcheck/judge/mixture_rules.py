"""Rules about certificates that differ where they should be one: by chance, or by address."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from certcheck.errors import listed
from certcheck.judge import served
from certcheck.judge.fault import Fault, rule
from certcheck.model.certificate import KeyType, short
from certcheck.model.observation import Deployment, Observation

_RELOAD = {"dovecot": "doveadm reload", "postfix": "postfix reload"}
_SHOWN = 10

# What is asked, the SNI and the kind of key, and what each address answered: leaves' SHA-256.
_Question = tuple[str | None, KeyType]
_Answers = Mapping[str, frozenset[str]]


def _by_address(observations: Sequence[Observation], _now: datetime) -> Iterator[Fault]:
    seen = {o.address or "": o for o in observations if o.deployments}
    questions = dict.fromkeys(_question(d) for o in seen.values() for d in o.deployments)
    asked = ((question, _answers(seen, question)) for question in questions)
    differing = {question: answers for question, answers in asked if _differ(answers)}
    if not differing:
        return
    with_sni = any(name is not None for name, _ in differing)
    yield Fault(
        message="The addresses of this name serve different certificates, so what a customer "
        f"sees is chance: {_counted(differing)}. Bring the new certificate to the host that was "
        "left out, and reload it.",
        evidence="; ".join(_listed(question, answers) for question, answers in differing.items()),
        remedy=_RELOAD,
        severity=None if with_sni or served.host(observations[0]).is_ip else "note",
    )


@rule(
    severity="error", source="https://www.postfix.org/postconf.5.html#max_use", across=_by_address
)
def mixed_certificates(observation: Observation, _now: datetime) -> Iterator[Fault]:
    """The same question got different certificates, at different times or addresses.

    For one name and one kind of key, old processes still run (Postfix takes a new file up
    process by process until it is reloaded), several hosts stand behind one address, or one of
    several addresses was left out; a kind of key that only some addresses have counts, too.
    What a customer sees is chance. Addresses that were not seen do not count. A note where only
    programs without SNI notice that addresses differ.
    """
    for found in observation.mixed:
        key_type, name = found[0].key_type, found[0].server_name
        counts = (f"{short(e.leaf.sha256)} {e.seen} of {e.of} times" for e in found)
        yield Fault(
            message="Different certificates are served for the same question, so what a "
            "customer sees is chance: a reload is missing, or one of several hosts behind "
            "this address was left out.",
            evidence=f"{_called((name, key_type))}: {'; '.join(counts)}",
            about=f"{key_type} {name}",
            remedy=_RELOAD,
        )


def _question(deployment: Deployment) -> _Question:
    return deployment.server_name, deployment.key_type


def _answers(seen: Mapping[str, Observation], question: _Question) -> _Answers:
    found = {
        address: frozenset(
            d.leaf.sha256 for d in o.deployments if d.chain and _question(d) == question
        )
        for address, o in seen.items()
    }
    return {a: got for a, got in found.items() if got or _has_none(seen[a], question[0])}


def _has_none(observation: Observation, name: str | None) -> bool:
    # Nothing is an answer only from who was asked for both kinds of key, which needs TLS 1.2 or
    # older, and left no question open.
    asked = name == observation.server_name and set(observation.protocols) - {"TLSv1.3"}
    return bool(asked) and not observation.doubts


def _differ(answers: _Answers) -> bool:
    # An address that is mixed by itself has a finding of its own.
    return len({got for got in answers.values() if len(got) < 2}) > 1  # noqa: PLR2004 - one or none


def _counted(differing: Mapping[_Question, _Answers]) -> str:
    parts = []
    for (_, key_type), answers in differing.items():
        counts = Counter(leaf for got in answers.values() for leaf in sorted(got))
        parts += [_serve(n, len(answers), short(leaf)) for leaf, n in counts.most_common()]
        if nothing := sum(not got for got in answers.values()):
            parts.append(_serve(nothing, len(answers), f"no {key_type.upper()} certificate"))
    return listed(list(dict.fromkeys(parts)), most=_SHOWN)


def _serve(number: int, of: int, what: str) -> str:
    return f"{number} of {of} addresses {'serves' if number == 1 else 'serve'} {what}"


def _listed(question: _Question, answers: _Answers) -> str:
    places = [
        f"{address} {' and '.join(map(short, sorted(got))) or 'none'}"
        for address, got in answers.items()
    ]
    return f"{_called(question)}: {listed(places, most=_SHOWN)}"


def _called(question: _Question) -> str:
    name, key_type = question
    return f"{key_type.upper()}, {f'SNI {name}' if name else 'without SNI'}"
