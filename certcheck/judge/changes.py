"""All that differs between two looks: what each difference is called, and whether it is wanted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from certcheck.judge import dns_changes, reach_changes, service_changes, tls_changes
from certcheck.judge.certificate_changes import certificates
from certcheck.judge.difference import Comparison, Difference, Sides
from certcheck.model.bundle import Generation
from certcheck.model.change import BAD, Acceptance, Change, change_id
from certcheck.model.observation import Observation
from certcheck.model.record import Records

# What a site declares of a field: True for anything, else the values that it may have, or the
# single things that may go or come.
Declared = bool | frozenset[str]

_OF_TLS: tuple[Comparison, ...] = (
    tls_changes.versions,
    tls_changes.suites,
    tls_changes.groups,
    tls_changes.preference,
    service_changes.auth_before_tls,
    service_changes.auth_after_tls,
    service_changes.capabilities,
    service_changes.size,
    service_changes.greeting,
)
# What differs when other software answers, and not when only a certificate is new.
_OF_SOFTWARE = frozenset({"greeting", "groups"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is wanted: by endpoint URL the generation that shall be served there.

    By field what may differ, by id or field what somebody has accepted. `known` are the leaves
    (SHA-256) of all bundles.
    """

    announced: Mapping[str, Generation] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    expected: Mapping[str, Declared] = field(default_factory=dict)
    accepted: Mapping[str, Acceptance] = field(default_factory=dict)


def changes(
    before: Sequence[Observation], after: Sequence[Observation], terms: Terms
) -> tuple[Change, ...]:
    """What differs at each place, in the order of `after`, then at places that are gone."""
    return tuple(
        _change(difference, sides.endpoint, sides.address, terms)
        for sides in paired(before, after, terms)
        for difference in differences(sides, terms)
    )


def dns_differences(
    before: Mapping[str, Mapping[str, Records]],
    after: Mapping[str, Mapping[str, Records]],
    terms: Terms,
) -> tuple[Change, ...]:
    """What differs in DNS, for the names and types that were asked both times."""
    return tuple(
        _change(difference, name, None, terms)
        for name, kinds in after.items()
        for kind, now in kinds.items()
        if (was := before.get(name, {}).get(kind))
        and (difference := dns_changes.records(kind, was, now))
    )


def paired(
    before: Sequence[Observation], after: Sequence[Observation], terms: Terms
) -> Iterator[Sides]:
    """Each place before and after: by its address, else by the next one of the same family."""
    left = _by_endpoint(before)
    rest: list[tuple[Observation, list[Observation]]] = []
    for now in after:
        there = left.get(now.endpoint, [])
        same = next((was for was in there if was.address == now.address), None)
        if same is None:
            rest.append((now, there))
            continue
        there.remove(same)
        yield _sides(same, now, terms)
    for now, there in rest:
        other = next((was for was in there if _family(was) == _family(now)), None)
        if other is not None:
            there.remove(other)
        yield _sides(other, now, terms)
    for url in dict.fromkeys(now.endpoint for now in after):
        yield from (_sides(was, None, terms) for was in left.get(url, ()))


def others(place: Observation, found: Iterable[Difference], terms: Terms) -> tuple[Change, ...]:
    """The changes that differences found in another way are, such as by many handshakes."""
    return tuple(at(place.endpoint, place.address, each, terms) for each in found)


def at(endpoint: str, address: str | None, found: Difference, terms: Terms) -> Change:
    """The change that one difference is at this place."""
    return _change(found, endpoint, address, terms)


def differences(sides: Sides, terms: Terms) -> Iterator[Difference]:
    """What differs at one place."""
    before, after = sides.before, sides.after
    if after is None:
        if before is not None and before.outcome == "seen":
            yield _gone(before)
        return
    found: list[Difference] = []
    if before is not None:
        found += reach_changes.reach(before, after)
        if before.outcome == after.outcome == "seen":
            found += [d for compare in _OF_TLS for d in compare(before, after)]
    yield from found
    yield from certificates(sides)
    wanted = terms.expected.get("protocols")
    if isinstance(wanted, frozenset) and wanted & tls_changes.MODERN:
        # Who declares the versions that shall be left means that the others go.
        yield from tls_changes.still_offered(before, after, wanted)
    elif before is not None and wanted is None:
        moved = bool({d.field for d in found} & _OF_SOFTWARE)
        yield from tls_changes.still_offered_anew(before, after, moved=moved)


def _gone(before: Observation) -> Difference:
    return Difference(
        field="outcome",
        before=before.outcome,
        after=None,
        class_="lost",
        message="the name no longer has this address: programs that use it cannot connect",
    )


def _change(difference: Difference, endpoint: str, address: str | None, terms: Terms) -> Change:
    made = Change(
        id=change_id(difference.field, endpoint, address, difference.about),
        endpoint=endpoint,
        address=address,
        field=difference.field,
        before=difference.before,
        after=difference.after,
        class_=difference.class_,
        message=difference.message,
    )
    if difference.class_ not in BAD:
        return made
    accepted = terms.accepted.get(made.id) or terms.accepted.get(made.field)
    if accepted or _is_declared(difference, terms.expected):
        return replace(made, class_="expected", accepted=accepted)
    return made


def _is_declared(difference: Difference, expected: Mapping[str, Declared]) -> bool:
    declared = expected.get(difference.field, False)
    if isinstance(declared, bool):
        return declared
    if difference.about == "still":
        return False
    after = difference.after if isinstance(difference.after, tuple) else (str(difference.after),)
    return (bool(difference.single) and difference.single <= declared) or set(after) == declared


def _sides(before: Observation | None, after: Observation | None, terms: Terms) -> Sides:
    one = after or before
    assert one is not None  # noqa: S101 - a place is of at least one of them
    return Sides(
        endpoint=one.endpoint,
        address=one.address,
        before=before,
        after=after,
        announced=terms.announced.get(one.endpoint),
        known=terms.known,
    )


def _by_endpoint(observations: Iterable[Observation]) -> dict[str, list[Observation]]:
    found: dict[str, list[Observation]] = {}
    for each in observations:
        found.setdefault(each.endpoint, []).append(each)
    return found


def _family(observation: Observation) -> int | None:
    return ip_address(observation.address).version if observation.address else None
