"""`certcheck issue`: order certificates, and keep each as a new generation of its bundle."""

from collections.abc import Sequence
from dataclasses import replace

from certcheck.config import BundleTable, Site
from certcheck.errors import InputError, Obstacle
from certcheck.issue.authority import Authority
from certcheck.issue.certbot import Certbot
from certcheck.model.bundle import Generation
from certcheck.model.certificate import Certificate
from certcheck.model.endpoint import Hostname
from certcheck.model.run import Row, Run, ended
from certcheck.store import bundles
from certcheck.store.lock import locked
from certcheck.store.orders import Order
from certcheck.workflow.certbot import by_certbot
from certcheck.workflow.means import Means
from certcheck.workflow.ordering import Wanted, generation, open_orders, settled
from certcheck.workflow.recover import heal
from certcheck.x509 import KeyKind


def issue(
    blank: Run, wanted: Sequence[Wanted], means: Means, *, authority: Authority, dry_run: bool
) -> Run:
    """The run with one row per new generation, and the error of the bundle that was refused.

    Raises what the store raises, and what the CA says of the first bundle.
    """
    if dry_run:
        return replace(
            blank,
            rows=tuple(_planned(each, key, authority) for each in wanted for key in each.keys),
        )
    generations: list[Generation] = []
    error = None
    with locked(means.site.site.state, command=blank.command, now=blank.started):
        before = settled(means)
        healed = heal(means)
        for each in wanted:
            try:
                generations.append(
                    _finished(each, authority, before) or _made(each, authority, means)
                )
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


def _finished(
    wanted: Wanted, authority: Authority, before: Sequence[tuple[Order, Generation]]
) -> Generation | None:
    """The generation that a killed run had stored of just this: a second one is not wanted."""
    fitting = (g for order, g in before if wanted.includes(order.head, authority))
    return next((g for g in fitting if len(g.pairs) == len(wanted.keys)), None)


def _made(wanted: Wanted, authority: Authority, means: Means) -> Generation:
    if isinstance(wanted.solver, Certbot):
        return by_certbot(wanted, wanted.solver, authority, means)
    try:
        return generation(wanted, wanted.solver, authority, means)
    except Obstacle as e:
        hint = "; ".join(filter(None, (e.hint, _kept(wanted, means))))
        raise type(e)(e.message, hint=hint) from e
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_kept(wanted, means)) from None


def _kept(wanted: Wanted, means: Means) -> str:
    kept = any(order.url for order in open_orders(means, wanted.bundle))
    return f"the order for {wanted.bundle} is kept: certcheck issue goes on with it" if kept else ""


def _told_apart(error: Obstacle, which: Wanted, wanted: Sequence[Wanted]) -> Obstacle:
    if len(wanted) == 1:
        return error
    return type(error)(f"bundle {which.bundle}: {error.message}", hint=error.hint)


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


def _planned(wanted: Wanted, key: KeyKind, authority: Authority) -> Row:
    return {
        "bundle": wanted.bundle,
        "names": tuple(name.ascii for name in wanted.names),
        "key": key,
        "challenge": wanted.solver.kind,
        "directory": authority.directory,
    }
