"""What a reader needs of a run, in the order of need, as plain values that a writer dresses."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from certcheck.errors import InputError, listed
from certcheck.model.certificate import Certificate, colons
from certcheck.model.endpoint import Endpoint
from certcheck.model.finding import SEVERITIES, Finding, Severity
from certcheck.model.observation import Observation
from certcheck.model.run import Row, Run, Scalar
from certcheck.report import facts
from certcheck.targets import endpoint

_COLUMNS = 8
_SERVICES_SHOWN = 12
_WAYS_SHOWN = 4
_ADDRESSES_SHOWN = 4
_SERVERS = {"dovecot": "Dovecot", "postfix": "Postfix"}
_HEX = re.compile(r"[0-9A-Fa-f:]{40,}")
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # in a row: SHA-1 or SHA-256


class Placed(Protocol):
    """What is at one endpoint and address: a finding, a change."""

    @property
    def endpoint(self) -> str:
        """Its URL."""
        ...

    @property
    def address(self) -> str | None:
        """The address, where there is one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One thing that is wrong, all places where it is, and what was seen where it is the same."""

    finding: Finding
    places: tuple[str, ...]
    evidence: str
    remedies: tuple[tuple[str, str], ...]

    @property
    def heading(self) -> str:
        """The severity, or `not seen` where nothing could be judged."""
        return "not seen" if self.finding.verdict == "inconclusive" else self.finding.severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What was seen, and all places where exactly that was seen."""

    labels: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One certificate at one place; without one, `remark` says why none was seen."""

    label: str
    certificate: Certificate | None
    remark: str

    @property
    def line(self) -> str:
        """`IMAP mail.example.org:143 STARTTLS 192.0.2.7 ECDSA SHA-256 AB:CD:…`, in one piece."""
        if self.certificate is None:
            return f"{self.label} {self.remark}"
        key = self.certificate.key_type.upper()
        return f"{self.label} {key} SHA-256 {colons(self.certificate.sha256)}"


def verdict(run: Run) -> str:
    """The run in one line: `9 ports, 1 error, 0 warnings, 0 not seen`."""
    if run.inputs.get("dry_run"):
        return "nobody was asked; the connections that it would take, by depth:"
    if not run.observations:
        return "nobody was asked: all is planned" if run.predictions else "nothing was looked at"
    found = groups(run)
    unseen = sum(each.outcome == "inconclusive" for each in run.observations)
    counts = (
        facts.count(len(run.observations), "port"),
        facts.count(_how_many(found, "error"), "error"),
        facts.count(_how_many(found, "warning"), "warning"),
        f"{unseen} not seen",
    )
    return ", ".join(counts)


def worst(run: Run) -> Severity | None:
    """The worst severity among what failed; None when nothing did."""
    failed = [each.severity for each in run.findings if each.verdict == "fail"]
    return max(failed, key=SEVERITIES.index, default=None)


def groups(run: Run) -> tuple[Group, ...]:
    """The findings, the worst first; the same words over many ports are one group."""
    found: dict[tuple[object, ...], list[Finding]] = {}
    for each in run.findings:
        key = (each.rule, each.severity, each.verdict, each.message, *sorted(each.remedy.items()))
        found.setdefault(key, []).append(each)
    made = (_group(findings) for findings in found.values())
    return tuple(sorted(made, key=_rank))


def blocks(run: Run) -> tuple[Block, ...]:
    """What was seen, place by place; places with the same facts stand together."""
    found: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for each in run.observations:
        label = _at(each.endpoint, each.address)
        found.setdefault(tuple(facts.facts(each, run.finished)), []).append(label)
    return tuple(Block(labels=tuple(labels), facts=key) for key, labels in found.items())


def fingerprints(run: Run) -> tuple[Served, ...]:
    """Every certificate at every place, in the order of the observations."""
    return tuple(each for observation in run.observations for each in _served(observation))


def table(rows: Sequence[Mapping[str, Scalar | tuple[str, ...]]]) -> tuple[tuple[str, ...], ...]:
    """The rows as text, a heading first; columns in the order in which they first occur."""
    columns = tuple(dict.fromkeys(key for row in rows for key in row))
    return (
        tuple(column.replace("_", " ") for column in columns),
        *(tuple(_cell(row.get(column)) for column in columns) for row in rows),
    )


def records(
    rows: Sequence[Mapping[str, Scalar | tuple[str, ...]]],
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """The rows as a title and labelled values each: its first value, and all others."""
    heading, *lines = table(rows)
    labels = [label.replace("sha256", "SHA-256").replace("sha1", "SHA-1") for label in heading]
    return tuple((line[0], tuple(zip(labels[1:], line[1:], strict=True))) for line in lines)


def is_wide(rows: Sequence[Mapping[str, Scalar | tuple[str, ...]]]) -> bool:
    """Whether the rows are too wide for the columns of a table, as fingerprints are."""
    many = any(len(row) > _COLUMNS for row in rows)
    return many or any(is_fingerprint(_cell(value)) for row in rows for value in row.values())


def plain_rows(run: Run) -> tuple[Row, ...]:
    """The rows that have no form of their own, as discoveries and advice have."""
    return tuple(row for row in run.rows if not {"found_by", "advice"} & set(row) and row)


def is_discovery(rows: Sequence[Row]) -> bool:
    """Whether the rows say how the names of mail domains were found."""
    return any("found_by" in row for row in rows)


def names(rows: Sequence[Row]) -> tuple[tuple[str, ...], ...]:
    """The host names that were found, with their services and the ways to them; heading first."""
    found = (
        (str(row["name"]), _services(row), listed(ways, most=_WAYS_SHOWN))
        for row in rows
        if "name" in row and (ways := texts(row.get("found_by")))
    )
    lines = tuple(found)
    return (("name", "services", "found by"), *lines) if lines else ()


def remarks(rows: Sequence[Row]) -> tuple[str, ...]:
    """What else is to be told of mail domains."""
    return tuple(
        f"{row['name']}: {row['note']}" for row in rows if "note" in row and not row.get("found_by")
    )


def steps(run: Run) -> tuple[tuple[str, ...], ...]:
    """The actions as text: number, state, server, kind, target."""
    return tuple(
        (f"{each.step}.", each.state, each.server, each.kind.replace("_", " "), each.target)
        for each in run.actions
    )


def is_fingerprint(text: str) -> bool:
    """Whether the text is a fingerprint or a hash, which is never broken nor marked up."""
    return bool(_HEX.fullmatch(text))


def _group(findings: Sequence[Finding]) -> Group:
    first = findings[0]
    kinds = {_server(each.endpoint) for each in findings}
    remedies = (
        (name, text) for name, text in first.remedy.items() if name in kinds or len(kinds) > 1
    )
    evidence = {each.evidence for each in findings}
    same = len(evidence) == 1
    return Group(
        finding=first,
        # A place with two certificates may have the same fault twice.
        places=tuple(dict.fromkeys(at_places(findings) if same else map(_place, findings))),
        evidence=first.evidence if same else "",
        remedies=tuple((_SERVERS.get(name, name), text) for name, text in remedies),
    )


def _place(finding: Finding) -> str:
    label = _at(finding.endpoint, finding.address)
    return f"{label}: {finding.evidence}" if finding.evidence else label


def at_places(things: Sequence[Placed]) -> tuple[str, ...]:
    """Where they are, host by host: all its services at an address, all addresses alike."""
    hosts: dict[tuple[str, str | None], dict[str, None]] = {}
    for each in things:
        read = read_endpoint(each.endpoint)
        host = str(read.host) if read else each.endpoint
        hosts.setdefault((host, each.address), {})[each.endpoint] = None
    alike: dict[tuple[str, tuple[str, ...]], list[str | None]] = {}
    for (host, address), urls in hosts.items():
        alike.setdefault((host, tuple(urls)), []).append(address)
    return tuple(_at_host(host, urls, at) for (host, urls), at in alike.items())


def _at_host(host: str, urls: Sequence[str], addresses: Sequence[str | None]) -> str:
    named = [each for each in addresses if each and each != host.strip("[]")]
    at = f" at {listed(named, most=_ADDRESSES_SHOWN)}" if named else ""
    if len(urls) == 1:
        return f"{_label(urls[0])}{at}"
    services = listed([_service(url) for url in urls], most=_SERVICES_SHOWN)
    return f"{host}{at}: {services}"


def _services(row: Row) -> str:
    services = [_service(url) for url in texts(row.get("services"))]
    return listed(services, most=_SERVICES_SHOWN) or str(row.get("note", ""))


def texts(value: Scalar | tuple[str, ...]) -> tuple[str, ...]:
    """The texts of a list in a row; none of anything else."""
    return value if isinstance(value, tuple) else ()


def _service(url: str) -> str:
    read = read_endpoint(url)
    return f"{read.scheme.upper()} {read.port}" if read else url


def _rank(group: Group) -> tuple[int, bool]:
    return -SEVERITIES.index(group.finding.severity), group.finding.verdict != "fail"


def _how_many(found: Sequence[Group], severity: Severity) -> int:
    return sum(g.finding.severity == severity and g.finding.verdict == "fail" for g in found)


def read_endpoint(url: str) -> Endpoint | None:
    """The endpoint of a URL in a run, which may be of another version; None where it is none."""
    try:
        return endpoint(url)
    except InputError:
        return None


def _label(url: str) -> str:
    read = read_endpoint(url)
    return read.label if read else url


def _at(url: str, address: str | None) -> str:
    read = read_endpoint(url)
    same = read is not None and read.host.ascii == address
    return f"{_label(url)} at {address}" if address and not same else _label(url)


def _server(url: str) -> str:
    read = read_endpoint(url)
    return "postfix" if read and read.protocol == "smtp" else "dovecot"


def _served(observation: Observation) -> Iterator[Served]:
    label = f"{_label(observation.endpoint)} {observation.address or ''}".rstrip()
    if observation.outcome != "seen" or not observation.deployments:
        yield Served(label=label, certificate=None, remark=facts.why(observation))
    for each in observation.certificates:
        yield Served(
            label=label, certificate=each.leaf, remark=", ".join(facts.remarks(observation, each))
        )


def _cell(value: Scalar | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "" if value is None else str(value)
    return colons(text) if _HASH.fullmatch(text) else text
