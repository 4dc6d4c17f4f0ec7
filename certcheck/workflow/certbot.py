"""certbot orders, and what its lineage holds is the new generation of the bundle."""

from certcheck.issue.authority import Authority
from certcheck.issue.certbot import Certbot, ordered
from certcheck.model.bundle import Generation
from certcheck.store import bundles, crash
from certcheck.workflow import lineage
from certcheck.workflow.keeping import keep
from certcheck.workflow.means import Means
from certcheck.workflow.ordering import Wanted


def by_certbot(wanted: Wanted, certbot: Certbot, authority: Authority, means: Means) -> Generation:
    """What certbot's lineage of the bundle's name holds, the newest generation if that has it.

    Raises Obstacle where certbot cannot, UnfitBundle when it must not reach a server.
    """
    state = means.site.site.state
    (key,) = wanted.keys
    crash.point()
    live = ordered(
        certbot,
        lineage=wanted.bundle,
        names=wanted.names,
        key=key,
        authority=authority,
        progress=means.say,
    )
    crash.point()
    found = lineage.read(
        live, bundle=wanted.bundle, state=state, host=means.here, now=means.clock()
    )
    lineage.refuse_other(found, key=key, directory=authority.directory)
    known = bundles.newest(state, wanted.bundle)
    if known and (known.leaves, known.lineage) == (found.leaves, found.lineage):
        means.say(f"certbot keeps what is not due: {known.ref} has it, nothing new to store")
        return known
    keep(state, found, names=[name.ascii for name in wanted.names], now=means.clock())
    means.say(f"stored as {found.ref}")
    return found
