"""Generations of certificates: `bundles/NAME/NUMBER/` holds keys, chains and where they came from.

A pair is two files by the type of its key: `key-ecdsa.pem` and `chain-ecdsa.pem`.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from certcheck import x509
from certcheck.errors import InputError, Obstacle
from certcheck.model.bundle import Generation, Pair
from certcheck.model.certificate import KeyType
from certcheck.store import crash, private

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,252}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """What `origin.json` says beside the keys and the chains; `orders` has a URL for each key."""

    names: tuple[str, ...]
    authority: str
    created: datetime
    orders: dict[KeyType, str]
    lineage: str = ""


_ORIGIN = TypeAdapter(_Origin)


def reference(text: str) -> tuple[str, int | None]:
    """Bundle and generation of `mail/3`, or of `mail` without one; raises InputError."""
    name, slash, number = text.partition("/")
    if not _NAME.fullmatch(name) or (slash and not _NUMBER.fullmatch(number)):
        raise InputError(f"{text!r} names no bundle", hint="write BUNDLE or BUNDLE/GENERATION")
    return name, int(number) if slash else None


def next_number(state: Path, bundle: str) -> int:
    """The number that the next generation of `bundle` gets."""
    return max(_numbers(state, bundle), default=0) + 1


def save(state: Path, generation: Generation) -> None:
    """Keep a new generation: wholly there, or not at all. The caller holds the lock.

    Raises Obstacle when the disk refuses.
    """
    with private.told(f"cannot store {generation.ref} in {state}"):
        parent = private.directory(private.directory(state / "bundles") / generation.bundle)
        for killed in parent.glob(".new-*"):  # it holds a key that no run knows
            shutil.rmtree(killed, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
        try:
            _fill(new, generation)
            crash.point()
            new.rename(parent / str(generation.number))
            private.sync(parent)
            crash.point()
        finally:
            shutil.rmtree(new, ignore_errors=True)


def load(state: Path, bundle: str, number: int | None = None) -> Generation:
    """A generation of a bundle, the newest without a number.

    Raises Obstacle when there is none or its files cannot be read, UnfitBundle when they hold
    something else than a chain.
    """
    numbers = _numbers(state, bundle)
    wanted = max(numbers, default=0) if number is None else number
    if wanted not in numbers:
        what = f"bundle {bundle!r} has no generation" + ("" if number is None else f" {number}")
        raise Obstacle(f"{what} in {state}", hint=f"certcheck issue --bundle {bundle} NAME...")
    folder = state / "bundles" / bundle / str(wanted)
    try:
        origin = _ORIGIN.validate_json(_bytes(folder / "origin.json"))
    except ValidationError as e:
        raise Obstacle(f"{folder}/origin.json is damaged", hint="issue a new generation") from e
    return Generation(
        bundle=bundle,
        number=wanted,
        names=origin.names,
        authority=origin.authority,
        created=origin.created,
        pairs=tuple(_pair(folder, *each) for each in origin.orders.items()),
        lineage=origin.lineage,
    )


def newest(state: Path, bundle: str) -> Generation | None:
    """The newest generation, if the bundle has one; raises as `load` does."""
    return load(state, bundle) if _numbers(state, bundle) else None


def held(state: Path) -> tuple[str, ...]:
    """The bundles that have a generation, by name."""
    return tuple(sorted(name for name in _entries(state / "bundles") if _held(state, name)))


def numbers(state: Path, bundle: str) -> tuple[int, ...]:
    """The generations of a bundle, the oldest first."""
    return tuple(sorted(_numbers(state, bundle)))


def _held(state: Path, name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and bool(_numbers(state, name))


def _fill(folder: Path, generation: Generation) -> None:
    origin = _Origin(
        names=generation.names,
        authority=generation.authority,
        created=generation.created,
        orders={pair.leaf.key_type: pair.order_url for pair in generation.pairs},
        lineage=generation.lineage,
    )
    for pair in generation.pairs:
        kind = pair.leaf.key_type
        private.write_new(folder / f"key-{kind}.pem", pair.key_pem)
        private.write_new(folder / f"chain-{kind}.pem", x509.pem(pair.chain))
    private.write_new(folder / "origin.json", _ORIGIN.dump_json(origin, indent=1) + b"\n")
    private.sync(folder)


def _pair(folder: Path, kind: KeyType, order_url: str) -> Pair:
    chain = folder / f"chain-{kind}.pem"
    return Pair(
        key_pem=_bytes(folder / f"key-{kind}.pem"),
        chain=x509.chain(_bytes(chain), where=str(chain)),
        order_url=order_url,
    )


def _numbers(state: Path, bundle: str) -> frozenset[int]:
    entries = _entries(state / "bundles" / bundle)
    return frozenset(int(entry) for entry in entries if _NUMBER.fullmatch(entry))


def _entries(folder: Path) -> Iterator[str]:
    try:
        yield from (entry.name for entry in folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as e:
        raise Obstacle(f"cannot read {folder}: {e.strerror}", hint="run as its owner") from e


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_BYTES)
    except OSError as e:
        raise Obstacle(f"cannot read {path}: {e.strerror}", hint="run as its owner") from e
