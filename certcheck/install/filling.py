"""Which pair of which generation goes into each slot, so that none keeps an old certificate."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from certcheck import x509
from certcheck.errors import UnfitBundle
from certcheck.host.door import Host
from certcheck.install.server import Current, MailServer, Slot
from certcheck.model.bundle import Generation, Pair
from certcheck.model.certificate import KeyType
from certcheck.names import covers

KeyTypes = frozenset[KeyType]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One server, what it uses now, and the generation that its default slots shall serve."""

    server: MailServer
    current: Current
    generation: Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What a slot shall hold: one pair of a generation, or several in one file.

    `left_out` are the key types of the generation that found no place beside it.
    """

    ref: str
    pairs: tuple[Pair, ...]
    left_out: tuple[KeyType, ...] = ()

    @property
    def leaves(self) -> frozenset[str]:
        """The SHA-256 of the server certificates in it."""
        return frozenset(pair.leaf.sha256 for pair in self.pairs)


Fillings = Mapping[Slot, Filling | None]
"""Every slot of every server with what it shall hold; None where it is kept as it is."""


def generation_of(
    slot: Slot, installation: Installation, others: Sequence[Generation]
) -> Generation | None:
    """What the slot shall serve: its server's bundle, for SNI names one that covers them all."""
    if not slot.names:
        return installation.generation
    candidates = (installation.generation, *others)
    return next((g for g in candidates if _covers_all(g, slot.names)), None)


def fillings(
    installations: Sequence[Installation], *, others: Sequence[Generation], host: Host
) -> dict[Slot, Filling | None]:
    """What every slot shall hold.

    Raises UnfitBundle when a slot would keep a certificate of another key type, Obstacle when a
    file cannot be read.
    """
    filled: dict[Slot, Filling | None] = {}
    for each in installations:
        for slots in _places(each.current.slots):
            generation = generation_of(slots[0], each, others)
            filled |= (
                dict.fromkeys(slots) if generation is None else _filled(slots, generation, host)
            )
    return filled


def _places(slots: Iterable[Slot]) -> Iterable[Sequence[Slot]]:
    places: dict[tuple[object, ...], list[Slot]] = {}
    for slot in slots:
        places.setdefault(slot.place, []).append(slot)
    return places.values()


def _covers_all(generation: Generation, names: Sequence[str]) -> bool:
    leaf = generation.pairs[0].leaf
    return all(any(covers(n, name) for n in leaf.names) for name in names)


def _filled(
    slots: Sequence[Slot], generation: Generation, host: Host
) -> dict[Slot, Filling | None]:
    had = {slot: _key_types(slot, host) for slot in slots}
    _refuse_lost_key_types(had, generation)
    chosen = (
        _alone(slots[0], had, generation) if len(slots) == 1 else _side_by_side(had, generation)
    )
    placed = {kind for kinds in chosen.values() for kind in kinds}
    left_out = tuple(kind for kind in generation.key_types if kind not in placed)
    return {
        slot: Filling(
            ref=generation.ref,
            pairs=tuple(p for p in generation.pairs if p.leaf.key_type in kinds),
            left_out=left_out,
        )
        for slot, kinds in chosen.items()
    }


def _alone(
    slot: Slot, had: Mapping[Slot, KeyTypes], generation: Generation
) -> dict[Slot, KeyTypes]:
    """The only slot of its place: all pairs where they fit into one file, else one."""
    if slot.several:
        return {slot: frozenset(generation.key_types)}
    # A place that had a certificate of another type is replaced as a whole: decision 0004.
    natural = _natural(slot, had[slot], generation)
    return {slot: frozenset(sorted(natural)[:1]) or frozenset(generation.key_types[:1])}


def _side_by_side(had: Mapping[Slot, KeyTypes], generation: Generation) -> dict[Slot, KeyTypes]:
    """Several slots of one place: each keeps its key type, the others take what is left."""
    left = list(generation.key_types)
    chosen: dict[Slot, KeyTypes] = {}
    for slot in sorted(had, key=lambda each: (each.wants is None, not had[each])):
        natural = _natural(slot, had[slot], generation)
        if natural and (natural & set(left) or not left):
            chosen[slot] = natural
        else:
            chosen[slot] = frozenset(left[:1] or generation.key_types[:1])
        left = [kind for kind in left if kind not in chosen[slot]]
    return chosen


def _natural(slot: Slot, had: KeyTypes, generation: Generation) -> KeyTypes:
    wished = had if slot.wants is None else frozenset({slot.wants})
    return wished & frozenset(generation.key_types)


def _refuse_lost_key_types(had: Mapping[Slot, KeyTypes], generation: Generation) -> None:
    there = frozenset[KeyType]().union(*had.values())
    needed = {slot.wants for slot in had if slot.wants}
    if len(had) > 1 or len(there) > 1:
        needed |= there
    if needed - set(generation.key_types):
        where = f"{next(iter(had)).server} {', '.join(slot.label for slot in had)}"
        raise UnfitBundle(
            f"{where} needs a certificate for {' and '.join(sorted(needed))} keys, "
            f"{generation.ref} has {' and '.join(generation.key_types)}",
            hint=f"certcheck issue --bundle {generation.bundle} --key both",
        )


def _key_types(slot: Slot, host: Host) -> KeyTypes:
    try:
        leaves = [c for c in x509.chain(host.read(slot.chain).data, where="") if not c.is_ca]
    except UnfitBundle:
        return frozenset()  # what stands there now is broken: nothing to lose
    return frozenset(leaf.key_type for leaf in leaves)
