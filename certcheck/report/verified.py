"""A verification as a reader needs it: the verdict, the changes, what is open, who may call."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from certcheck.errors import listed
from certcheck.model.certificate import Certificate
from certcheck.model.change import CLASSES, FIELDS, Change, ChangeClass
from certcheck.model.finding import Finding
from certcheck.model.run import Row, Run
from certcheck.report import facts
from certcheck.report.outline import at_places

_SHOWN = 3
_SERVICES_SHOWN = 12
_TITLES = {
    "lost": "Lost",
    "weakened": "Weakened",
    "unannounced": "Unannounced",
    "announced": "Announced",
    "expected": "Expected",
    "gained": "Gained",
}
_NUMBERS = {
    "lost": ("1 thing is lost", "{} things are lost"),
    "weakened": ("1 is weakened", "{} are weakened"),
    "unannounced": ("1 certificate is not the announced one", "{} certificates are unannounced"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One change in words, and all places where it is the same; `ids` are for --accept."""

    class_: ChangeClass
    field: str
    message: str
    places: tuple[str, ...]
    ids: tuple[str, ...]
    accepted: str

    @property
    def bad(self) -> bool:
        """Whether it must not stay so."""
        return self.class_ in _NUMBERS

    @property
    def cosmetic(self) -> bool:
        """Whether it is only shown: no program and nobody is touched by it."""
        return self.class_ == "expected" and self.field == "greeting" and not self.accepted


def told(run: Run) -> tuple[Told, ...]:
    """The changes, the worst class first and then by field; the same words are told once."""
    found: dict[tuple[str, str, str, str], list[Change]] = {}
    for each in run.changes:
        key = (each.class_, each.field, _what(each), _accepted(each))
        found.setdefault(key, []).append(each)
    made = (_told(group) for group in found.values())
    return tuple(sorted(made, key=_rank))


def title(each: Told) -> str:
    """The heading that a change stands under."""
    return "Cosmetic" if each.cosmetic else _TITLES[each.class_]


def field_title(field: str) -> str:
    """A field in words: `certificate` for `deployments`."""
    return FIELDS.get(field) or field.replace(".", " ").replace("dns", "DNS").replace("_", " ")


def verdict(run: Run) -> str:
    """One sentence: whether all is well, and if not, what is the matter."""
    if not run.observations:
        return "Nothing was looked at."
    groups = told(run)
    counts = {name: sum(each.class_ == name for each in groups) for name in _NUMBERS}
    bad = [_number(name, n) for name, n in counts.items() if n]
    unseen = sum(f.verdict == "inconclusive" for f in run.findings)
    doubt = f"{facts.count(unseen, 'thing')} could not be seen" if unseen else ""
    if bad:
        return f"Not good: {listed((*bad, *filter(None, (doubt,))), most=9)}."
    failed = [f for f in run.findings if f.verdict == "fail" and f.severity == "error"]
    if run.exit_code == 1 and failed:
        return f"Not good: {facts.count(len(failed), 'fault')} found."
    if doubt or run.error:
        return f"Not certain: {doubt or 'not all could be asked'}; nothing that was seen is worse."
    return f"Good: {_praise(run)}."


def kept(run: Run) -> str:
    """A snapshot in one sentence: how much it holds."""
    counts = [
        facts.count(run.counts.get("seen", 0), "service") + " with TLS",
        f"{run.counts.get('without_tls', 0)} without",
        f"{run.counts.get('closed', 0)} closed",
        f"{run.counts.get('inconclusive', 0)} not seen",
    ]
    more = [f"DNS of {facts.count(len(run.dns), 'name')}"]
    if run.mailboxes:
        more.append("1 mailbox" if len(run.mailboxes) == 1 else f"{len(run.mailboxes)} mailboxes")
    return f"{', '.join(counts)}; {', '.join(more)}."


def good(run: Run) -> bool:
    """Whether the verdict is good."""
    return run.exit_code == 0


def tables(run: Run) -> tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]:
    """One table for each host, its heading first; services that are the same share a line.

    With a snapshot the columns are service, address, before and after, else the last is `now`.
    """
    places = [row for row in run.rows if "host" in row]
    compared = any(row["before"] for row in places)
    hosts: dict[str, dict[tuple[str, str], list[Row]]] = {}
    for row in places:
        states = (str(row["before"]), str(row["after"]))
        hosts.setdefault(str(row["host"]), {}).setdefault(states, []).append(row)
    heading = ("service", "address", *(("before", "after") if compared else ("now",)))
    made = ((host, _lines(groups, compared=compared)) for host, groups in hosts.items())
    return tuple((host, (heading, *lines)) for host, lines in made)


def legs(run: Run) -> tuple[tuple[str, ...], ...]:
    """The way of a marked message, leg by leg, its heading first; nothing where none was sent."""
    lines = [
        (
            str(row["leg"]),
            str(row["address"]),
            str(row["outcome"]).replace("_", " "),
            f"{row['seconds']} s",
            str(row["detail"]),
        )
        for row in run.rows
        if "leg" in row
    ]
    return (("leg", "address", "outcome", "time", ""), *lines) if lines else ()


def _lines(
    groups: Mapping[tuple[str, str], Sequence[Row]], *, compared: bool
) -> Iterator[tuple[str, ...]]:
    for (before, after), rows in groups.items():
        services = dict.fromkeys(str(row["service"]) for row in rows)
        addresses = dict.fromkeys(str(row["address"]) for row in rows)
        where = (listed(tuple(services), most=_SERVICES_SHOWN), ", ".join(addresses))
        same = "the same" if before == after else after
        yield (*where, before, same) if compared else (*where, after)


def desk(run: Run) -> tuple[str, ...]:
    """What the support desk must know in the morning: who may call, and what to say."""
    groups = [each for each in told(run) if not each.cosmetic and each.class_ != "gained"]
    return tuple(
        f"{_where(each.places)}: {each.message}" for each in groups if each.class_ != "announced"
    )


def certificate_title(run: Run) -> str:
    """What a certificate is called that `certificates` gives."""
    return "New certificate" if run.inputs.get("before") else "Served certificate"


def certificates(run: Run) -> tuple[Certificate, ...]:
    """The leaves that were not served before, for whoever is asked to accept one.

    Without a snapshot all that are served.
    """
    if not run.inputs.get("before"):
        return tuple(
            {d.leaf.sha256: d.leaf for o in run.observations for d in o.certificates}.values()
        )
    places = {(c.endpoint, c.address) for c in run.changes if c.field == "deployments"}
    found = {
        d.leaf.sha256: d.leaf
        for o in run.observations
        if (o.endpoint, o.address) in places
        for d in o.certificates
        if not any(d.leaf.sha256 in str(c.before) for c in run.changes)
    }
    return tuple(found.values())


def open_points(run: Run) -> tuple[str, ...]:
    """What is not decided yet: what was not seen, what was accepted, what could be better."""
    return tuple(dict.fromkeys(_open(run)))


def _open(run: Run) -> Iterator[str]:
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in run.findings:
        alike.setdefault((finding.message, finding.evidence), []).append(finding)
    for (message, seen), found in alike.items():
        place = f"{_where(at_places(found))}: " if found[0].endpoint else ""
        yield f"{place}{message}{f' ({seen})' if seen else ''}"
    for each in told(run):
        if each.accepted:
            yield f"accepted, {each.accepted}: {each.message}"


def _told(group: Sequence[Change]) -> Told:
    first = group[0]
    return Told(
        class_=first.class_,
        field=first.field,
        message=_what(first),
        places=tuple(map(_who, group)) if _of_mailbox(first) else at_places(group),
        ids=tuple(dict.fromkeys(each.id for each in group)),
        accepted=_accepted(first),
    )


def _of_mailbox(change: Change) -> bool:
    return change.field.startswith("mailbox.")


def _what(change: Change) -> str:
    # `alice@example.org, folder INBOX: what differs`
    return change.message.partition(": ")[2] if _of_mailbox(change) else change.message


def _who(change: Change) -> str:
    return change.message.partition(": ")[0]


def _accepted(change: Change) -> str:
    if change.accepted is None:
        return ""
    return (
        f"{change.accepted.reason} ({change.accepted.by}, {change.accepted.at:%Y-%m-%d %H:%M} UTC)"
    )


def _rank(each: Told) -> tuple[bool, int, int, str]:
    fields = list(FIELDS)
    place = fields.index(each.field) if each.field in FIELDS else len(fields)
    return each.cosmetic, CLASSES.index(each.class_), place, each.message


def _number(name: str, number: int) -> str:
    one, many = _NUMBERS[name]
    return one if number == 1 else many.format(number)


def _praise(run: Run) -> str:
    ports = facts.count(len([o for o in run.observations if o.outcome != "closed"]), "port")
    served = f"{ports} serve {run.bundle}" if run.bundle else f"{ports} were looked at"
    if run.inputs.get("before"):
        wanted = sum(not each.cosmetic for each in told(run))
        changed = (
            f"; {facts.count(wanted, 'change')}, all wanted" if wanted else "; nothing differs"
        )
        return f"{served}, and nothing was lost or weakened{changed}"
    return f"{served}, every time, with modern TLS"


def _where(places: Sequence[str]) -> str:
    return listed(places, most=_SHOWN, between="; ")
