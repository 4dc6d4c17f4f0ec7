"""Whether every cell serves what it should: many handshakes, at once and again a little later."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from certcheck.model.action import Cell, CellProof, Expectation, Proof
from certcheck.model.certificate import colons
from certcheck.probe.handshake import Variant
from certcheck.probe.limits import REFUSALS, Gate, Limits, Missed
from certcheck.probe.look import Door, Look

_ROUND = 10
_FIRST_POLL, _SLOWEST_POLL = 0.1, 1.0
# Clients of one key type: Postfix and Dovecot may hold a certificate for each.
_BY_KEY = ("aRSA", "aECDSA")


async def served(cells: Sequence[Cell], *, gate: Gate, limits: Limits) -> tuple[CellProof, ...]:
    """What each cell serves now: to us, and to clients of each key type, as `proof` asks.

    Three handshakes a cell, one if the first fails; its `detail` then begins with the Reason.
    """
    trials = [_Trial(cell, gate, limits) for cell in cells]
    await asyncio.gather(*(trial.survey() for trial in trials))
    return tuple(trial.row() for trial in trials)


async def proof(
    expectations: Sequence[Expectation], *, gate: Gate, limits: Limits, patience: float = 10.0
) -> Proof:
    """Whether all cells serve exactly what is expected, every time and to each kind of client.

    Without any expectation it holds, trivially: a caller that wants a proof expects something.

    Waits up to `patience` s for a first right answer, then 10 handshakes a port of an address, and
    10 again 2 s later: a server that replaces its processes one by one serves old and new mixed.
    """
    before = gate.connections
    trials = [_Trial(wish.cell, gate, limits, wish.sha256) for wish in expectations]
    ready = await asyncio.gather(*(trial.becomes_right(patience) for trial in trials))
    if all(ready):
        await _round(trials)
        await asyncio.sleep(limits.between_rounds)
        await _round(trials)
    return Proof(
        cells=tuple(trial.row() for trial in trials),
        complaints=tuple(text for trial in trials for text in trial.complaints()),
        connections=gate.connections - before,
    )


async def _round(trials: Sequence["_Trial"]) -> None:
    ports: dict[tuple[str, int], list[_Trial]] = {}
    for trial in trials:
        port = trial.cell.address, trial.cell.endpoint.port
        ports.setdefault(port, []).append(trial)
    turns = [
        cells[turn % len(cells)] for cells in ports.values() for turn in range(_turns(len(cells)))
    ]
    by_key = [trial.ask(ciphers) for trial in trials for ciphers in _BY_KEY]
    # The gate lets through `per_host` at once.
    await asyncio.gather(*(trial.ask() for trial in turns), *by_key)


def _turns(cells: int) -> int:
    return max(_ROUND, cells)


class _Trial:
    """One cell under test; it collects the answers."""

    def __init__(
        self, cell: Cell, gate: Gate, limits: Limits, wanted: frozenset[str] = frozenset()
    ) -> None:
        self.cell = cell
        self._door = Door(endpoint=cell.endpoint, address=cell.address, gate=gate, limits=limits)
        self._wanted = wanted
        self._looks: list[Look] = []
        self._by_key_answered = False

    async def becomes_right(self, patience: float) -> bool:
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + patience, _FIRST_POLL
        while True:
            look = await self.ask()
            if _leaf(look) in self._wanted:
                self._looks.clear()
                return True
            if loop.time() + pause > end or self._door.gate.stopped(self.cell.address):
                self._looks[:-1] = []
                return False
            await asyncio.sleep(pause)
            pause = min(2 * pause, _SLOWEST_POLL)

    async def survey(self) -> None:
        look = await self.ask()
        if look.shaken:
            by_key = await asyncio.gather(*(self._look(ciphers) for ciphers in _BY_KEY))
            self._looks += [each for each in by_key if each.shaken]

    async def ask(self, ciphers: str | None = None) -> Look:
        look = await self._look(ciphers)
        self._by_key_answered |= bool(ciphers and look.shaken)
        # A server without a key of this kind refuses, and that is right.
        if not (ciphers and look.missed and look.missed.reason in REFUSALS):
            self._looks.append(look)
        return look

    async def _look(self, ciphers: str | None) -> Look:
        variant = Variant(server_name=self.cell.server_name)
        if ciphers:
            variant = replace(variant, newest="TLSv1.2", ciphers=ciphers)
        return await self._door.look(variant)

    def row(self) -> CellProof:
        missed = [look.missed for look in self._looks if look.missed]
        return CellProof(
            cell=self.cell,
            served=tuple(sorted(self._served().items())),
            failed=len(missed),
            handshakes=len(self._looks),
            detail=f"{missed[-1].reason}: {missed[-1].detail}" if missed else "",
        )

    def complaints(self) -> list[str]:
        found = self._served()
        missed = [look.missed for look in self._looks if look.missed]
        texts = [_failure(missed, len(self._looks))] if missed else []
        if found.keys() - self._wanted:
            texts.append(_stale(found, self._wanted))
        elif found and self._by_key_answered and self._wanted - found.keys():
            texts.append(f"does not serve {_short(*(self._wanted - found.keys()))}")
        return [f"{self.cell.label}: {text}" for text in texts]

    def _served(self) -> Counter[str]:
        return Counter(leaf for leaf in map(_leaf, self._looks) if leaf)


def _failure(missed: Sequence[Missed], of: int) -> str:
    times = f" ({len(missed)} of {of})" if of > 1 else ""
    return f"the TLS handshake fails{times}: {missed[-1].detail}"


def _stale(found: Mapping[str, int], wanted: frozenset[str]) -> str:
    expected = f"expected is {_short(*wanted)}" if wanted else "nothing is expected here"
    if len(found) == 1:
        return f"still serves {_short(*found)}; {expected}"
    counts = " and ".join(f"{times} x {_short(leaf)}" for leaf, times in sorted(found.items()))
    return f"serves {len(found)} certificates in turn, {counts}; {expected}"


def _short(*leaves: str) -> str:
    return " or ".join(f"{colons(leaf[:16])}:…" for leaf in sorted(leaves))


def _leaf(look: Look) -> str:
    return look.shaken.chain[0].sha256 if look.shaken else ""
