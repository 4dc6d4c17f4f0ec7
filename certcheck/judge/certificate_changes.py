"""What differs in the certificates: the announced one, the old one still, or one nobody named."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from certcheck.judge.difference import Difference, Sides
from certcheck.model.bundle import Generation
from certcheck.model.certificate import Certificate, KeyType, short
from certcheck.model.change import ChangeClass
from certcheck.model.observation import Deployment, Observation
from certcheck.names import covers
from certcheck.targets import endpoint

_KEYS: Mapping[KeyType, str] = {"rsa": "RSA", "ecdsa": "ECDSA", "eddsa": "EdDSA", "other": "other"}

Slot = tuple[str | None, KeyType]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """One thing about one slot, in words, and how bad it is."""

    class_: ChangeClass
    message: str


def certificates(sides: Sides) -> Iterator[Difference]:
    """One difference for all that is served at one place, with SNI and without, by type of key.

    What is announced must be served wherever the name is one of its own, with its whole chain.
    Without an announcement nothing may differ.
    """
    after = sides.after
    if after is None or after.outcome != "seen":
        return
    if sides.before is not None and sides.before.outcome != "seen":
        sides = replace(sides, before=None)  # where nothing was served, nothing differs
    was = _slots(sides.before) if sides.before else {}
    now = _slots(after)
    faults = [*_of_slots(sides, was, now), *_missing(sides, was, now)]
    if faults:
        yield _difference(sides, faults)


def _difference(sides: Sides, faults: Sequence[_Fault]) -> Difference:
    order: tuple[ChangeClass, ...] = ("lost", "unannounced", "weakened", "announced", "expected")
    worst = min((fault.class_ for fault in faults), key=order.index)
    told = dict.fromkeys(fault.message for fault in faults if fault.class_ == worst)
    before = _listed(sides.before) if sides.before else None
    after = _listed(sides.after) if sides.after else ()
    return Difference(
        field="deployments",
        before=before,
        after=after,
        class_=worst,
        message="; ".join(told),
        single=frozenset(after) - frozenset(before or ()),
    )


def _of_slots(
    sides: Sides,
    was: Mapping[Slot, Sequence[Deployment]],
    now: Mapping[Slot, Sequence[Deployment]],
) -> Iterator[_Fault]:
    for slot, served in now.items():
        old = {each.leaf.sha256 for each in was.get(slot, ())}
        for each in served:
            yield from _of_one(sides, slot, each, old=old, anywhere=_leaves(was))
            if sides.announced and each.leaf.sha256 in sides.announced.leaves:
                yield from _of_chain(each, sides.announced)
            else:
                yield from _shorter(each, was.get(slot, ()))


def _of_one(
    sides: Sides, slot: Slot, served: Deployment, *, old: set[str], anywhere: set[str]
) -> Iterator[_Fault]:
    leaf, bundle = served.leaf, sides.announced
    if bundle is None or not _is_meant(bundle, sides):
        if sides.before is not None and leaf.sha256 not in (old or anywhere):
            yield _Fault(
                class_="unannounced",
                message=f"{_where(slot)} {_shown(leaf)} is served, which no bundle names: mail "
                "programs may ask their owners about it",
            )
        return
    if leaf.sha256 in bundle.leaves:
        if leaf.sha256 not in old and sides.before is not None:
            yield _announced(leaf, bundle, was=anywhere)
    elif served.server_name is None and leaf.sha256 in sides.known:
        return
    elif leaf.sha256 in anywhere:
        yield _Fault(
            class_="unannounced",
            message=f"{_where(slot)} the old certificate {_shown(leaf)} is still served instead of "
            f"{bundle.ref}",
        )
    else:
        yield _Fault(
            class_="unannounced",
            message=f"{_where(slot)} {_shown(leaf)} is served, which is not {bundle.ref}: mail "
            "programs ask their owners about it",
        )


def _announced(leaf: Certificate, bundle: Generation, *, was: set[str]) -> _Fault:
    asked = "" if not was else ", and programs that do not trust its authority ask once"
    return _Fault(
        class_="announced",
        message=f"the certificate of {bundle.ref} is served, {_shown(leaf)}{asked}",
    )


def _is_meant(bundle: Generation, sides: Sides) -> bool:
    # A name that the bundle does not hold is another bundle's business.
    host = endpoint(sides.endpoint).host
    return host.is_ip or any(covers(name, host.ascii) for name in bundle.names)


def _of_chain(served: Deployment, bundle: Generation) -> Iterator[_Fault]:
    meant = next(pair for pair in bundle.pairs if pair.leaf.sha256 == served.leaf.sha256)
    there = {each.sha256 for each in served.chain}
    missing = [each.title for each in meant.chain if each.sha256 not in there]
    if missing:
        yield _Fault(
            class_="weakened",
            message=f"the intermediate certificate {', '.join(missing)} is missing: many programs "
            "(Thunderbird, Android, PHP, Java) cannot verify the new certificate",
        )


def _shorter(served: Deployment, before: Sequence[Deployment]) -> Iterator[_Fault]:
    same = next((d for d in before if d.leaf.sha256 == served.leaf.sha256), None)
    if same and len(served.chain) < len(same.chain):
        there = {each.sha256 for each in served.chain}
        missing = [each.title for each in same.chain if each.sha256 not in there]
        yield _Fault(
            class_="weakened",
            message=f"the intermediate certificate {', '.join(missing)} is missing: many programs "
            "(Thunderbird, Android, PHP, Java) cannot verify the certificate any more",
        )


def _missing(
    sides: Sides,
    was: Mapping[Slot, Sequence[Deployment]],
    now: Mapping[Slot, Sequence[Deployment]],
) -> Iterator[_Fault]:
    answered = {name for name, _ in now}
    for name in dict.fromkeys(name for name, _ in was):
        if name not in answered:
            yield _Fault(class_="lost", message=_unanswered(name))
    for name, key in was:
        if name in answered and (name, key) not in now:
            yield _without(key, sides.announced)


def _unanswered(name: str | None) -> str:
    if name is None:
        return "programs that send no server name (SNI) can no longer connect"
    return f"no certificate for {name} is served any more"


def _without(key: KeyType, bundle: Generation | None) -> _Fault:
    meant = bundle is not None and key not in bundle.key_types
    why = f", as {bundle.ref} has none" if bundle and meant else ""
    return _Fault(
        class_="announced" if meant else "lost",
        message=f"no {_KEYS[key]} certificate is served any more{why}: programs that know "
        f"{_KEYS[key]} only can no longer connect",
    )


def _slots(observation: Observation) -> dict[Slot, list[Deployment]]:
    found: dict[Slot, list[Deployment]] = {}
    for each in observation.deployments:
        if each.chain:
            found.setdefault((each.server_name, each.key_type), []).append(each)
    return found


def _leaves(slots: Mapping[Slot, Sequence[Deployment]]) -> set[str]:
    return {each.leaf.sha256 for served in slots.values() for each in served}


def _listed(observation: Observation) -> tuple[str, ...]:
    return tuple(
        f"{each.server_name or 'without SNI'} {_KEYS[each.key_type]} {each.leaf.sha256} "
        f"chain of {len(each.chain)}"
        for each in observation.deployments
        if each.chain
    )


def _where(slot: Slot) -> str:
    name, key = slot
    return f"{'without SNI' if name is None else f'for {name}'} ({_KEYS[key]})"


def _shown(leaf: Certificate) -> str:
    return f"{short(leaf.sha256)} of {leaf.title}"
