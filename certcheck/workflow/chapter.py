"""What a demo is made of: chapters, each a command with its result; at the end old beside new."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from certcheck.judge import profiles
from certcheck.judge.plans import Plan
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Endpoint, Protocol
from certcheck.model.observation import Observation
from certcheck.model.run import Row, Run
from certcheck.store import bundles
from certcheck.targets import endpoint
from certcheck.workflow.asking import Asking, Step
from certcheck.workflow.audit import audit
from certcheck.workflow.means import Means
from certcheck.workflow.predicting import Wish

_TITLES: dict[Protocol, str] = {
    "imap": "IMAP (reading mail)",
    "smtp": "SMTP (sending mail)",
    "pop3": "POP3 (fetching mail)",
    "sieve": "ManageSieve (filter rules)",
    "lmtp": "LMTP (delivery)",
}
# Of several chapters, the one whose judgement is that of the whole.
_JUDGED = ("verify", "audit")
_FORETOLD_PORTS = (25, 143, 587)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One part of the story: what it is about, what a person would type, and what came of it."""

    title: str
    text: str
    command: str
    run: Run


def begun(blank: Run, command: str, means: Means) -> Run:
    """The blank run of one command: a certificate is not valid before it was issued."""
    return replace(blank, command=command, started=means.clock())


def whole(chapters: Sequence[Chapter]) -> Run:
    """The story as one run: the judged state after it, what was done, and old beside new."""
    runs = [chapter.run for chapter in chapters]
    judged = next((run for run in reversed(runs) if run.command in _JUDGED), runs[-1])
    return replace(
        judged,
        command="demo",
        started=runs[0].started,
        bundle=next((run.bundle for run in runs if run.command == "issue"), None),
        actions=next((run.actions for run in reversed(runs) if run.command == "install"), ()),
        rows=runs[-1].rows,
        connections=sum(run.connections for run in runs),
        error=next((run.error for run in runs if run.error), None),
        exit_code=3 if any(run.exit_code for run in runs) else 0,
    )


def comparison(before: Sequence[Observation], after: Sequence[Observation]) -> tuple[Row, ...]:
    """One row per protocol and certificate: its ports, and the fingerprints old and new."""
    old = {o.endpoint: o for o in before}
    rows: dict[tuple[str, str, str], list[str]] = {}
    certificates: dict[str, Certificate] = {}
    for now in after:
        then = old[now.endpoint]
        if not (now.deployments and then.deployments):
            continue
        was, new = then.deployments[0].leaf, now.deployments[0].leaf
        certificates |= {was.sha256: was, new.sha256: new}
        service = endpoint(now.endpoint)
        key = (_TITLES[service.protocol], was.sha256, new.sha256)
        rows.setdefault(key, []).append(service.label)
    return tuple(
        {
            "service": title,
            "ports": tuple(dict.fromkeys(ports)),
            "old_sha256": was,
            "old_sha1": certificates[was].sha1,
            "new_sha256": new,
            "new_sha1": certificates[new].sha1,
        }
        for (title, was, new), ports in sorted(rows.items(), key=_order)
    )


def _order(row: tuple[tuple[str, str, str], list[str]]) -> int:
    return list(_TITLES.values()).index(row[0][0])


def wished(means: Means, ordered: Run, known: Run) -> Wish:
    """All mail programs, at servers that serve what was `ordered`.

    `known` is the run with the certificates that they know.
    """
    generation = bundles.load(means.site.site.state, *bundles.reference(ordered.bundle or ""))
    return Wish(
        clients=profiles.selected("all", profiles.clients()),
        plan=Plan(chains=tuple(pair.chain for pair in generation.pairs)),
        before=frozenset(d.leaf.sha256 for o in known.observations for d in o.certificates),
    )


def foretold(
    blank: Run, means: Means, endpoints: Sequence[Endpoint], asking: Asking, wish: Wish
) -> Run:
    """What mail programs will do at the usual ports, by the TLS of the servers as they are."""
    usual = [each for each in endpoints if each.port in _FORETOLD_PORTS]
    run = audit(
        begun(blank, "audit", means),
        usual,
        asking,
        depth="hellos",
        fail_on="error",
        seen=unheard,
        wish=wish,
    )
    return replace(run, command="clients", observations=(), findings=(), exit_code=0)


def unheard(_: Step) -> None:
    """A demo tells of chapters, not of single ports."""
