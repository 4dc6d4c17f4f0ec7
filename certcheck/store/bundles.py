"""Generations of certificates: `bundles/NAME/NUMBER/` holds key, chain and where they came from."""

import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from certcheck import x509
from certcheck.errors import InputError, Obstacle
from certcheck.model.bundle import Generation
from certcheck.store import private

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,252}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """What `origin.json` says beside the key and the chain."""

    names: tuple[str, ...]
    key_kind: str
    directory: str
    order_url: str
    created: datetime


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
            new.rename(parent / str(generation.number))
            private.sync(parent)
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
        key_kind=origin.key_kind,
        directory=origin.directory,
        order_url=origin.order_url,
        created=origin.created,
        chain=x509.chain(_bytes(folder / "chain.pem"), where=f"{folder}/chain.pem"),
        key_pem=_bytes(folder / "key.pem"),
    )


def _fill(folder: Path, generation: Generation) -> None:
    origin = _Origin(
        names=generation.names,
        key_kind=generation.key_kind,
        directory=generation.directory,
        order_url=generation.order_url,
        created=generation.created,
    )
    private.write_new(folder / "key.pem", generation.key_pem)
    private.write_new(folder / "chain.pem", x509.pem(generation.chain))
    private.write_new(folder / "origin.json", _ORIGIN.dump_json(origin, indent=1) + b"\n")
    private.sync(folder)


def _numbers(state: Path, bundle: str) -> frozenset[int]:
    folder = state / "bundles" / bundle
    try:
        entries = [entry.name for entry in folder.iterdir()]
    except FileNotFoundError:
        return frozenset()
    except OSError as e:
        raise Obstacle(f"cannot read {folder}: {e.strerror}", hint="run as its owner") from e
    return frozenset(int(entry) for entry in entries if _NUMBER.fullmatch(entry))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_BYTES)
    except OSError as e:
        raise Obstacle(f"cannot read {path}: {e.strerror}", hint="run as its owner") from e
