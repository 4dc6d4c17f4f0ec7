"""What one scan by sslyze, or two that follow each other, amount to."""

import ssl
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from certcheck import x509
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Hostname
from certcheck.model.observation import Check, Refusals, Trust
from certcheck.probe import checks
from certcheck.probe.doubt import Doubt
from certcheck.probe.scan_words import CHECKS, CONNECTIVITY, SUITES, Answer, Served


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One chain that sslyze got, and what its trust stores say.

    It came `times` times in clear; a server encrypts it in TLS 1.3.
    """

    server_name: str | None
    chain: tuple[Certificate, ...]
    trust: tuple[Trust, ...] = ()
    times: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """sslyze's result; what it could not finish, or is not certain, is a sentence in `doubts`.

    `suites` were accepted, `refusals` are of those that certainly were not, by version.
    """

    suites: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refusals: Mapping[str, Refusals] = field(default_factory=dict)
    found: tuple[Found, ...] = ()
    checks: Mapping[str, Check] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    connections: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of sslyze: what it was asked, and said; `lost` says why it said nothing.

    Suites `with_family` were refused it without a question of their own; `one_by_one` says that
    from some point on each had one.
    """

    asked: tuple[str, ...]
    doubt: Doubt
    answer: Answer = field(default_factory=Answer)
    with_family: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    one_by_one: bool = False
    lost: str = ""

    def open(self) -> tuple[str, ...]:
        """The commands whose result is not certain, or not there."""
        unclear = {*self.doubt.topics(), *self.answer.failed}
        # All else is built on the first look.
        if self.lost or not unclear <= set(self.asked):
            return self.asked
        return tuple(command for command in self.asked if command in unclear)


def again(first: Run) -> tuple[str, ...]:
    """What to ask a second time; nothing where that would change nothing."""
    if not first.doubt.topics():
        return ()
    left = first.open()
    # Whether a server is asked about ROBOT depends on its suites.
    robot = "robot" in first.asked and "robot" not in first.answer.checks
    suites = set(SUITES.values()) & set(left)
    return tuple(c for c in first.asked if c in left or (c == "robot" and robot and suites))


def concluded(host: Hostname, runs: Sequence[Run]) -> Scanned:
    """All that the runs found; the last one says what stays open."""
    last = runs[-1]
    found, unreadable = _found(host.server_name, runs)
    suites = _by_version([run.answer.suites for run in runs])
    said = {name: check for run in runs for name, check in run.answer.checks.items()}
    return Scanned(
        suites={version: names for version, names in suites.items() if names},
        refusals=_refusals(runs),
        found=found,
        checks=checks.concluded(said, runs[0].asked, last.open()),
        doubts=tuple(
            dict.fromkeys((*_doubts(last), *_unanswered(suites, said, runs), *unreadable))
        ),
        connections=sum(run.doubt.connections for run in runs),
    )


def _by_version(found: Sequence[Mapping[str, tuple[str, ...]]]) -> dict[str, tuple[str, ...]]:
    # What one run saw accepted was accepted, in a full handshake.
    suites: dict[str, tuple[str, ...]] = {}
    for of_run in reversed(found):
        for version, names in of_run.items():
            suites[version] = tuple(dict.fromkeys((*suites.get(version, ()), *names)))
    return suites


def _refusals(runs: Sequence[Run]) -> dict[str, Refusals]:
    accepted = _by_version([run.answer.suites for run in runs])
    refused = _by_version([run.answer.refused for run in runs])
    families = _by_version([run.with_family for run in runs])
    unclear = runs[-1].open()
    return {
        version: _told_apart(
            [name for name in refused[version] if name not in accepted.get(version, ())],
            families.get(version, ()),
        )
        for version, command in SUITES.items()
        if version in refused and command not in unclear
    }


def _told_apart(refused: Sequence[str], with_family: Sequence[str]) -> Refusals:
    return Refusals(
        singly=tuple(name for name in refused if name not in with_family),
        with_family=tuple(name for name in refused if name in with_family),
    )


def _doubts(run: Run) -> Iterator[str]:
    topics = run.doubt.topics()
    if run.lost:
        yield run.lost
    for text in run.doubt.taints([topic for topic in topics if topic not in CHECKS]):
        yield f"sslyze's list of suites may be incomplete: {text}"
    for topic in (topic for topic in topics if topic in CHECKS):
        for text in run.doubt.taints([topic]):
            yield f"not known how the server does with {_words(topic)}: {text}"
    for name, why in run.answer.failed.items():
        # With a taint, that is the reason.
        if name not in topics and CONNECTIVITY not in topics:
            yield f"sslyze could not finish {_words(name)}: {why}"


def _words(command: str) -> str:
    return " and ".join(map(_spaced, CHECKS.get(command, (command,))))


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _unanswered(
    suites: Mapping[str, tuple[str, ...]], said: Mapping[str, Check], runs: Sequence[Run]
) -> Iterator[str]:
    yield from _none(suites, runs[-1])
    yield from _untold(suites, runs)
    for name, check in said.items():
        if check.verdict == "inconclusive":
            yield f"not known how the server does with {_spaced(name)}: {check.detail}"


def _untold(suites: Mapping[str, tuple[str, ...]], runs: Sequence[Run]) -> Iterator[str]:
    # Where a handshake fails after the server's hello, sslyze calls the suite rejected.
    for version, names in suites.items():
        taken = len({each for run in runs for each in run.doubt.tally.suites.get(version, ())})
        if names and taken > len(names):
            yield (
                f"sslyze's list of suites may be incomplete: the server chose {taken} suites of "
                f"{version}, and with {len(names)} a handshake came to its end"
            )


def _none(suites: Mapping[str, tuple[str, ...]], last: Run) -> Iterator[str]:
    if last.doubt.topics():
        return
    for version, names in suites.items():
        if not names and not version.startswith("SSL"):
            yield f"sslyze found no suite of {version}, which a handshake of ours had"


def _found(
    server_name: str | None, runs: Sequence[Run]
) -> tuple[tuple[Found, ...], tuple[str, ...]]:
    doubts: list[str] = []
    trust: dict[tuple[str | None, str], tuple[Trust, ...]] = {}
    chains: dict[tuple[str | None, str], tuple[Certificate, ...]] = {}
    times: Counter[tuple[str | None, str]] = Counter()
    for with_sni, chain, verdicts, came in _chains(runs):
        try:
            read = _read(chain)
        except ValueError as e:
            doubts.append(f"sslyze got a chain that cannot be read: {e}")
            continue
        key = (server_name if with_sni else None, read[0].sha256)
        chains.setdefault(key, read)
        trust[key] = verdicts or trust.get(key, ())
        times[key] += came
    return tuple(
        Found(server_name=key[0], chain=chain, trust=trust[key], times=times[key])
        for key, chain in chains.items()
    ), tuple(doubts)


_Chain = tuple[bool, tuple[bytes, ...], tuple[Trust, ...], int]


def _chains(runs: Sequence[Run]) -> Iterator[_Chain]:
    for run in runs:
        for served in run.answer.served:
            yield served.with_sni, tuple(map(_der, served.chain)), _trust(served), 0
        for (with_sni, chain), came in run.doubt.tally.chains.items():
            yield with_sni, chain, (), came


def _der(pem: str) -> bytes:
    try:
        return ssl.PEM_cert_to_DER_cert(pem)
    except ValueError:
        return b""


def _read(chain: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    if not chain:
        raise ValueError("it is empty")
    return tuple(map(x509.certificate, chain))


def _trust(served: Served) -> tuple[Trust, ...]:
    return tuple(
        Trust(
            store=each.store.lower(),
            date=each.date or None,
            verdict="fail" if each.reason else "pass",
            reason=each.reason,
        )
        for each in served.verdicts
    )
