"""A generation is judged before it is kept, and before it reaches a server."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from certcheck import x509
from certcheck.errors import UnfitBundle
from certcheck.judge.bundle import unfit
from certcheck.model.bundle import Generation
from certcheck.store import bundles


def keep(state: Path, generation: Generation, *, names: Sequence[str], now: datetime) -> None:
    """Store a new generation that is fit for these names; the caller holds the lock.

    Raises UnfitBundle when it must not reach a server, Obstacle when the disk refuses.
    """
    refuse_unfit(generation, names, now)
    bundles.save(state, generation)


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
            hint=_hint(generation, now),
        )


def _hint(generation: Generation, now: datetime) -> str:
    early = any(each.not_before > now for pair in generation.pairs for each in pair.chain)
    clock = "look at this host's clock (timedatectl), or " if early else ""
    return f"{clock}issue a new generation"
