"""`certcheck issue`: order certificates, and keep each as a new generation of its bundle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from certcheck import x509
from certcheck.config import BundleTable, Site
from certcheck.errors import InputError
from certcheck.issue.order import Authority, issued
from certcheck.issue.solver import ChallengeSolver
from certcheck.model.bundle import Generation
from certcheck.model.certificate import colons
from certcheck.model.endpoint import Hostname
from certcheck.model.run import Row, Run
from certcheck.store import bundles
from certcheck.store.lock import locked

DEADLINE = 300.0  # seconds for one order: validation by several vantage points takes a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The certificate to order for one bundle; `solver` answers its challenges."""

    bundle: str
    names: tuple[Hostname, ...]
    key: x509.KeyKind
    solver: ChallengeSolver


def issue(  # noqa: PLR0913 - each is one side of the command
    blank: Run,
    wanted: Sequence[Wanted],
    *,
    authority: Authority,
    state: Path,
    dry_run: bool,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> Run:
    """The run with one row per new generation. Raises what the CA and the store raise."""
    if dry_run:
        return replace(blank, rows=tuple(_planned(each, authority) for each in wanted))
    with locked(state, command=blank.command, now=blank.started):
        generations = [_issued(each, authority, state, clock, say) for each in wanted]
    return replace(
        blank,
        bundle=generations[-1].ref if len(generations) == 1 else None,
        rows=tuple(row(generation) for generation in generations),
    )


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
        return known
    title = bundle or new[0].ascii.replace("*", "wildcard")
    if any(b.name == title for b in site.bundle):
        listed = ", ".join(n.ascii for n in new)
        raise InputError(
            f"[[bundle]] {title!r} does not list {listed}", hint="add it there, or leave it out"
        )
    bundles.reference(title)
    return (*known, BundleTable(name=title, names=new))


def row(generation: Generation) -> Row:
    """A generation as a line of the result: reference, names, dates and fingerprints."""
    leaf = generation.leaf
    return {
        "bundle": generation.ref,
        "names": generation.names,
        "key": leaf.key,
        "issuer": leaf.issuer,
        "not_after": f"{leaf.not_after:%FT%TZ}",
        "sha256": colons(leaf.sha256),
        "sha1": colons(leaf.sha1),
    }


def _planned(wanted: Wanted, authority: Authority) -> Row:
    return {
        "bundle": wanted.bundle,
        "names": tuple(name.ascii for name in wanted.names),
        "key": wanted.key,
        "challenge": wanted.solver.kind,
        "directory": authority.directory,
    }


def _issued(
    wanted: Wanted,
    authority: Authority,
    state: Path,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> Generation:
    order = issued(
        wanted.names,
        authority=authority,
        key_pem=x509.new_key(wanted.key),
        key_kind=wanted.key,
        solver=wanted.solver,
        state=state,
        deadline=DEADLINE,
        progress=say,
    )
    generation = Generation(
        bundle=wanted.bundle,
        number=bundles.next_number(state, wanted.bundle),
        names=tuple(name.ascii for name in wanted.names),
        key_kind=order.key_kind,
        directory=order.directory,
        order_url=order.order_url,
        created=clock(),
        chain=order.chain,
        key_pem=order.key_pem,
    )
    bundles.save(state, generation)
    say(f"stored as {generation.ref}")
    return generation
