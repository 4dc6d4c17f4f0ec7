"""certbot's lineages: their current files, read as generations; certbot stays their owner."""

import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from certcheck import x509
from certcheck.errors import Obstacle
from certcheck.host.door import Host
from certcheck.model.bundle import Generation, Pair
from certcheck.store import bundles
from certcheck.x509 import KeyKind

_SERVER = re.compile(r"^server = (\S+)$", re.MULTILINE)


def read(live: Path, *, bundle: str, state: Path, host: Host, now: datetime) -> Generation:
    """What certbot's directory `live` holds now, as the next generation of a bundle.

    Nobody has judged it yet, and it is not stored. Raises Obstacle when a file cannot be read,
    UnfitBundle when it holds no chain.
    """
    file = live / "fullchain.pem"
    chain = x509.chain(host.read(file).data, where=str(file))
    key_pem = host.read(live / "privkey.pem").data
    return Generation(
        bundle=bundle,
        number=bundles.next_number(state, bundle),
        names=chain[0].names,
        authority=_authority(live, host),
        created=now,
        pairs=(Pair(key_pem=key_pem, chain=chain),),
        lineage=str(live),
    )


def refuse_other(generation: Generation, *, key: KeyKind, directory: str) -> None:
    """Raise Obstacle when certbot has kept what differs from the wish, as it is not due yet.

    certbot orders anew for other names and another type of key, but for nothing else.
    """
    kept = generation.pairs[0].leaf.key
    # Of ECDSA there is one kind for us; certbot may have been told another curve.
    wanted = "ECDSA" if key == "ecdsa" else f"RSA {key.removeprefix('rsa')}"
    differs = [] if kept.startswith(wanted) else [f"its key is {kept}, not {wanted}"]
    if generation.authority != directory:
        differs.append(f"it came from {generation.authority}, not from {directory}")
    if differs:
        raise Obstacle(
            f"certbot keeps the certificate in {generation.lineage}: {'; '.join(differs)}",
            hint="--certbot-args=--force-renewal orders a new one",
        )


def _authority(live: Path, host: Host) -> str:
    with suppress(Obstacle):
        settings = host.read(live.parent.parent / "renewal" / f"{live.name}.conf")
        if found := _SERVER.search(settings.data.decode(errors="replace")):
            return found[1]
    return "certbot"
