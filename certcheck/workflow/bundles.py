"""`certcheck bundles`: what the store holds; certificates from elsewhere in, copies out."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from certcheck import x509
from certcheck.config import Site
from certcheck.errors import InputError, Obstacle
from certcheck.model.bundle import Generation, Pair
from certcheck.model.run import Row, Run
from certcheck.store import bundles, private
from certcheck.store.lock import locked, refuse_newer
from certcheck.workflow.issue import rows
from certcheck.workflow.keeping import refuse_unfit
from certcheck.workflow.means import Means
from certcheck.workflow.recover import heal

_IMPORTED = "imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A chain and a key as they were read from two files, which their names tell."""

    chain: bytes
    chain_file: str
    key: bytes = field(repr=False)
    key_file: str


def listed(blank: Run, site: Site) -> Run:
    """A row for every generation of every bundle, the newest of each first."""
    state = site.site.state
    refuse_newer(state)
    found = [
        _brief(bundles.load(state, name, number))
        for name in bundles.held(state)
        for number in reversed(bundles.numbers(state, name))
    ]
    return replace(blank, rows=tuple(found) or ({"note": "no bundle is kept yet"},))


def shown(blank: Run, site: Site, ref: str) -> Run:
    """All about one generation, a row for each of its keys. Raises Obstacle when there is none."""
    refuse_newer(site.site.state)
    generation = bundles.load(site.site.state, *bundles.reference(ref))
    more = {
        "authority": generation.authority,
        "created": f"{generation.created:%FT%TZ}",
        **({"lineage": generation.lineage} if generation.lineage else {}),
    }
    found = zip(rows(generation), generation.pairs, strict=True)
    return replace(
        blank,
        bundle=generation.ref,
        rows=tuple({**row, **_details(pair), **more} for row, pair in found),
    )


def imported(blank: Run, means: Means, *, bundle: str, given: Sequence[Given]) -> Run:
    """The run with the new generation, or the one that holds the very same certificates already.

    Raises InputError for files that hold no chain or key, UnfitBundle for those that must not
    reach a server.
    """
    if bundles.reference(bundle)[1] is not None:
        raise InputError(f"{bundle!r} names a generation", hint="a new one gets its number itself")
    pairs = tuple(_pair(each) for each in given)
    _refuse_same_type(pairs)
    state = means.site.site.state
    with locked(state, command=blank.command, now=blank.started):
        healed = heal(means)
        made = Generation(
            bundle=bundle,
            number=bundles.next_number(state, bundle),
            names=pairs[0].leaf.names,
            authority=_IMPORTED,
            created=means.clock(),
            pairs=pairs,
        )
        listed_names = [n.ascii for b in means.site.bundle if b.name == bundle for n in b.names]
        refuse_unfit(made, listed_names or made.names, means.clock())
        known = next((g for g in _newest(state, bundle) if g.leaves == made.leaves), None)
        if known is None:
            bundles.save(state, made)
        else:
            means.say(f"these certificates are stored as {known.ref} already")
    kept = known or made
    return replace(blank, bundle=kept.ref, rows=rows(kept), actions=healed)


def exported(blank: Run, site: Site, *, ref: str, folder: Path) -> Run:
    """Copies of a generation's keys (0600) and chains in `folder`; nothing there is overwritten."""
    refuse_newer(site.site.state)
    generation = bundles.load(site.site.state, *bundles.reference(ref))
    files = {
        folder / f"{what}-{pair.leaf.key_type}.pem": data
        for pair in generation.pairs
        for what, data in (("key", pair.key_pem), ("chain", x509.pem(pair.chain)))
    }
    there = next((path for path in files if path.exists()), None)
    if there is not None:
        raise Obstacle(f"{there} exists, nothing was written", hint="give an empty -o DIR")
    with private.told(f"cannot write in {folder}"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, data in files.items():
            private.write_new(path, data)
        private.sync(folder)
    written = tuple({"bundle": generation.ref, "file": str(path)} for path in files)
    return replace(blank, bundle=generation.ref, rows=written)


def _newest(state: Path, bundle: str) -> Iterator[Generation]:
    with suppress(Obstacle):  # a damaged one is not the same
        yield from (
            bundles.load(state, bundle, n) for n in reversed(bundles.numbers(state, bundle))
        )


def _pair(given: Given) -> Pair:
    try:
        chain = x509.chain(given.chain, where=given.chain_file)
        key = x509.private_key(given.key, where=given.key_file)
    except Obstacle as e:
        raise InputError(e.message, hint=e.hint) from None
    return Pair(key_pem=key, chain=chain)


def _refuse_same_type(pairs: Sequence[Pair]) -> None:
    kinds = [pair.leaf.key_type for pair in pairs]
    if not kinds or len(set(kinds)) != len(kinds):
        raise InputError(
            f"a generation has one certificate for each type of key, these are {', '.join(kinds)}",
            hint="give each --chain its --key, such as one ECDSA and one RSA certificate",
        )


def _brief(generation: Generation) -> Row:
    leaf = generation.pairs[0].leaf
    return {
        "bundle": generation.ref,
        "names": generation.names,
        "keys": tuple(pair.leaf.key for pair in generation.pairs),
        "issuer": leaf.issuer,
        "created": f"{generation.created:%FT%TZ}",
        "not_after": f"{min(p.leaf.not_after for p in generation.pairs):%FT%TZ}",
    }


def _details(pair: Pair) -> Row:
    return {
        "spki_sha256": pair.leaf.spki_sha256,
        "tlsa": f"3 1 1 {pair.leaf.spki_sha256}",
        "chain": tuple(each.subject for each in pair.chain),
        "order": pair.order_url,
    }
