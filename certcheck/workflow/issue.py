"""`certcheck issue`: order certificates, and keep each as a new generation of its bundle."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from certcheck import x509
from certcheck.config import BundleTable, Site
from certcheck.errors import InputError, Obstacle, UnfitBundle
from certcheck.issue.certbot import Certbot, ordered
from certcheck.issue.order import Authority, issued
from certcheck.issue.solver import ChallengeSolver
from certcheck.judge.bundle import unfit
from certcheck.model.bundle import Generation, Pair
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Hostname
from certcheck.model.run import Row, Run, ended
from certcheck.store import bundles, crash
from certcheck.store.lock import locked
from certcheck.workflow import lineage
from certcheck.workflow.means import Means
from certcheck.workflow.recover import heal

DEADLINE = 300.0  # seconds for one order: validation by several vantage points takes a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The certificate to order for one bundle: `solver` answers its challenges, or sees to all."""

    bundle: str
    names: tuple[Hostname, ...]
    key: x509.KeyKind
    solver: ChallengeSolver | Certbot


def issue(
    blank: Run, wanted: Sequence[Wanted], means: Means, *, authority: Authority, dry_run: bool
) -> Run:
    """The run with one row per new generation, and the error of the bundle that was refused.

    Raises what the store raises, and what the CA says of the first bundle.
    """
    if dry_run:
        return replace(blank, rows=tuple(_planned(each, authority) for each in wanted))
    generations: list[Generation] = []
    error = None
    with locked(means.site.site.state, command=blank.command, now=blank.started):
        healed = heal(means)
        for each in wanted:
            try:
                generations.append(_issued(each, authority, means))
            except Obstacle as e:
                error = _told_apart(e, each, wanted)
                break
    run = replace(
        blank,
        bundle=generations[-1].ref if len(generations) == 1 else None,
        rows=tuple(row for generation in generations for row in rows(generation)),
        actions=healed,
    )
    return ended(run, error)


def _told_apart(error: Obstacle, which: Wanted, wanted: Sequence[Wanted]) -> Obstacle:
    if len(wanted) == 1:
        return error
    return Obstacle(f"bundle {which.bundle}: {error.message}", hint=error.hint)


def chosen(site: Site, names: Sequence[Hostname], bundle: str | None) -> tuple[BundleTable, ...]:
    """The bundles that the NAMEs of the command line mean.

    A NAME that a [[bundle]] lists means that bundle whole; other NAMEs make `bundle`, or one
    called after the first of them; no NAME means every [[bundle]]. Raises InputError.
    """
    if not names and bundle is None:
        if not site.bundle:
            raise InputError("no NAME given", hint="certcheck issue NAME..., or a [[bundle]]")
        return site.bundle
    if not names:
        return (site.bundle_of(bundle or ""),)
    known = tuple(b for b in site.bundle if any(name in b.names for name in names))
    new = tuple(n for n in names if not any(n in b.names for b in known))
    if not new:
        _refuse_other(bundle, known)
        return known
    title = bundle or new[0].ascii.replace("*", "wildcard")
    if bundles.reference(title)[1] is not None:
        raise InputError(f"{title!r} names a generation", hint="a new one gets its number itself")
    if any(b.name == title for b in site.bundle):
        listed = ", ".join(n.ascii for n in new)
        raise InputError(
            f"[[bundle]] {title!r} does not list {listed}", hint="add it there, or leave it out"
        )
    return (*known, BundleTable(name=title, names=new))


def _refuse_other(bundle: str | None, known: Sequence[BundleTable]) -> None:
    if bundle is not None and [b.name for b in known] != [bundle]:
        listed = ", ".join(b.name for b in known)
        raise InputError(
            f"these names belong to [[bundle]] {listed}, not to {bundle!r}",
            hint="leave --bundle out",
        )


def rows(generation: Generation) -> tuple[Row, ...]:
    """A generation as lines of the result, one a key: reference, names, dates, fingerprints."""
    return tuple(_row(generation, pair.leaf) for pair in generation.pairs)


def _row(generation: Generation, leaf: Certificate) -> Row:
    return {
        "bundle": generation.ref,
        "names": generation.names,
        "key": leaf.key,
        "issuer": leaf.issuer,
        "not_after": f"{leaf.not_after:%FT%TZ}",
        "sha256": leaf.sha256,
        "sha1": leaf.sha1,
    }


def _planned(wanted: Wanted, authority: Authority) -> Row:
    return {
        "bundle": wanted.bundle,
        "names": tuple(name.ascii for name in wanted.names),
        "key": wanted.key,
        "challenge": wanted.solver.kind,
        "directory": authority.directory,
    }


def _issued(wanted: Wanted, authority: Authority, means: Means) -> Generation:
    state = means.site.site.state
    if isinstance(wanted.solver, Certbot):
        return _by_certbot(wanted, wanted.solver, authority, means)
    order = issued(
        wanted.names,
        authority=authority,
        key_pem=x509.new_key(wanted.key),
        key_kind=wanted.key,
        solver=wanted.solver,
        state=state,
        deadline=DEADLINE,
        progress=means.say,
    )
    generation = Generation(
        bundle=wanted.bundle,
        number=bundles.next_number(state, wanted.bundle),
        names=tuple(name.ascii for name in wanted.names),
        authority=order.directory,
        created=means.clock(),
        pairs=(Pair(key_pem=order.key_pem, chain=order.chain, order_url=order.order_url),),
    )
    return _stored(generation, generation.names, means)


def _by_certbot(wanted: Wanted, certbot: Certbot, authority: Authority, means: Means) -> Generation:
    """What certbot's lineage of the bundle's name holds, the newest generation if that has it."""
    state, names = means.site.site.state, tuple(name.ascii for name in wanted.names)
    crash.point()
    live = ordered(
        certbot,
        lineage=wanted.bundle,
        names=wanted.names,
        key=wanted.key,
        authority=authority,
        progress=means.say,
    )
    crash.point()
    found = lineage.read(
        live, bundle=wanted.bundle, state=state, host=means.host, now=means.clock()
    )
    lineage.refuse_other(found, key=wanted.key, directory=authority.directory)
    known = lineage.newest(state, wanted.bundle)
    if known and (known.leaves, known.lineage) == (found.leaves, found.lineage):
        means.say(f"certbot keeps what is not due: {known.ref} has it, nothing new to store")
        return known
    return _stored(found, names, means)


def _stored(generation: Generation, names: Sequence[str], means: Means) -> Generation:
    refuse_unfit(generation, names, means.clock())
    bundles.save(means.site.site.state, generation)
    means.say(f"stored as {generation.ref}")
    return generation


def refuse_unfit(generation: Generation, names: Sequence[str], now: datetime) -> None:
    """Raise UnfitBundle when a generation must not reach a server that serves `names`."""
    where = f"the key of {generation.ref}"
    reasons = [
        reason
        for pair in generation.pairs
        for reason in unfit(
            leaf_chain=pair.chain,
            key_spki_sha256=x509.key_spki_sha256(pair.key_pem, where=where),
            names=names,
            now=now,
        )
    ]
    if reasons:
        raise UnfitBundle(
            f"{generation.ref} must not reach a server: {'; '.join(dict.fromkeys(reasons))}",
            hint="issue a new generation",
        )
