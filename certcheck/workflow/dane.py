"""Before an installation: whether TLSA records in DNS would make clients refuse what it brings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from certcheck import dns
from certcheck.errors import InputError, Obstacle, listed
from certcheck.install.expected import expected
from certcheck.judge.dane import Chain, fitting, unmatched
from certcheck.model.endpoint import Endpoint
from certcheck.model.record import Tlsa, tlsa_owner
from certcheck.workflow.asking import Asking
from certcheck.workflow.choice import Choice
from certcheck.workflow.means import Means
from certcheck.workflow.serving import Served

_TOLD = 10  # of each kind in one line: who repairs these sees the others at the next run
_MAX_REASON = 500
_PUBLISH = "publish what is missing, wait two TTLs, install again"
_REPAIR = "repair DNS, or name a validating resolver that answers in [site] resolver"
_IGNORED = (
    "TLSA records that DNSSEC does not vouch for do not match the new certificate (clients ignore "
    "them, unless it is only the resolver that does not validate), missing: "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """What the TLSA records mean: four kinds of trouble, a line for each place."""

    missing: tuple[str, ...]
    bogus: tuple[str, ...]
    failed: tuple[str, ...]
    ignored: tuple[str, ...]

    @property
    def complaints(self) -> tuple[str, ...]:
        """What stops an installation, in words."""
        kinds = (
            ("secure TLSA records do not match the new certificate, missing: ", self.missing),
            ("bogus TLSA, DNSSEC is broken: ", self.bogus),
            ("cannot tell whether there are TLSA records: ", self.failed),
        )
        return tuple(_told(title, lines) for title, lines in kinds if lines)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing, and stops nothing."""
        return (_told(_IGNORED, self.ignored),) if self.ignored else ()

    @property
    def hint(self) -> str:
        """What to do about the complaints."""
        what = (_PUBLISH if self.missing else "", _REPAIR if self.bogus or self.failed else "")
        return "; ".join((*filter(None, what), "or --tlsa-later REASON"))


def reason(text: str | None) -> str | None:
    """The REASON of --tlsa-later; raises InputError for an empty or very long one."""
    if text is not None and not 0 < len(text.strip()) <= _MAX_REASON:
        raise InputError(
            f"--tlsa-later takes a reason of 1 to {_MAX_REASON} characters",
            hint="it is kept in the journal for whoever asks why",
        )
    return text


def heeded(
    places: Sequence[Served], choice: Choice, means: Means, *, later: str | None
) -> tuple[str, ...]:
    """Notes about the TLSA records of every name and port where a generation will be served.

    Raises Obstacle when secure ones do not match it, or a look-up is bogus or failed; with
    `later`, the reason why that shall not matter, all of it is in the notes.
    """
    promised = _promised(places, choice, means)
    means.say(f"looking up TLSA at {len(promised)} names and ports")
    answers = dns.tlsa(tuple(promised), resolver=means.asking.resolver)
    verdict = _verdict(promised, answers)
    if later is not None:
        return (f"--tlsa-later: {later}", *verdict.complaints, *verdict.notes)
    if verdict.complaints:
        raise Obstacle("; ".join(verdict.complaints), hint=verdict.hint)
    return verdict.notes


def _promised(
    places: Sequence[Served], choice: Choice, means: Means
) -> Mapping[str, tuple[Chain, ...]]:
    """Where clients look for TLSA records, and the new chains that they will meet there."""
    hosts = {table.name: table.host for table in means.site.server}
    services = {(p.installation.server.name, p.cell.endpoint, p.cell.address): p for p in places}
    found: dict[str, dict[str, Chain]] = {}
    for (server, _, _), place in services.items():
        own = [e.host for s, e, _ in services if s == server]
        used = {h.ascii for h in (hosts[server], *own)}
        for name, met in _met(place, used, choice):
            for port in _ports(place.cell.endpoint, means.asking):
                chains = found.setdefault(tlsa_owner(name, port), {})
                chains.update({chain[0].sha256: chain for chain in met})
    return {owner: tuple(chains.values()) for owner, chains in sorted(found.items())}


def _met(place: Served, used: set[str], choice: Choice) -> Iterator[tuple[str, tuple[Chain, ...]]]:
    """The names by which clients meet new chains at this place, and which."""
    for name in sorted(filter(_is_host, used.union(*(g.names for g in choice.generations)))):
        # A client that heeds TLSA sends the name in SNI (RFC 7672 8.1).
        cell = replace(place.cell, server_name=name)
        leaves = expected(cell, place.installation, choice.filled) or frozenset()
        met = [g for g in choice.generations if g.leaves & leaves]
        # Other names of another bundle are those of another server.
        if met and (name in used or any(name in g.names for g in met)):
            pairs = (pair for generation in met for pair in generation.pairs)
            yield name, tuple(p.chain for p in pairs if p.leaf.sha256 in leaves)


def _is_host(name: str) -> bool:
    # No top-level domain is a number, so the last is an IPv4 address.
    return not name.startswith("*.") and ":" not in name and not name.rpartition(".")[2].isdigit()


def _ports(service: Endpoint, asking: Asking) -> set[int]:
    """The port that clients use, which is another where --connect-to leads to this one."""
    leading = [r for r in asking.redirects if r.host == service.host and r.to_port == service.port]
    return {r.port for r in leading if r.port} or {service.port}


def _verdict(
    promised: Mapping[str, tuple[Chain, ...]], answers: Sequence[dns.Answer[Tlsa]]
) -> _Verdict:
    lines: dict[str, list[str]] = {"missing": [], "bogus": [], "failed": [], "ignored": []}
    for (owner, chains), answer in zip(promised.items(), answers, strict=True):
        if answer.status == "found":
            missing = [fitting(chain[0]) for chain in unmatched(chains, answer.records)]
            kind = "missing" if answer.secure else "ignored"
            lines[kind] += [f"{owner}. IN TLSA {record}" for record in missing]
        elif answer.status != "none":
            lines[answer.status].append(answer.detail)
    return _Verdict(**{kind: tuple(found) for kind, found in lines.items()})


def _told(title: str, lines: Sequence[str]) -> str:
    return title + listed(lines, most=_TOLD, between="; ")
