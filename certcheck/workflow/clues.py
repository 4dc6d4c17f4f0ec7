"""What leads from mail domains to the endpoints of their mail, and what a run tells of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal

from certcheck.errors import listed
from certcheck.model.endpoint import Endpoint, Hostname
from certcheck.model.run import Failure, Row, Run

_TOLD = 10  # domains in a message
_TOLD_EACH = 3  # look-ups of one domain: where its zone is broken, all of them fail alike

_FAILED = "repair DNS, or name a resolver that answers in [site] resolver"
_BARREN = "look at the spelling, or name the hosts: certcheck audit HOST"
_CLOSED = "name one: imap://HOST:PORT"


class Strength(IntEnum):
    """What a way to an endpoint is worth, the strongest first: the first two promise it."""

    mx = 0
    srv = 1
    domain = 2
    usual_name = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """An endpoint of a domain's mail, and the way that led to it."""

    domain: Hostname
    endpoint: Endpoint
    way: str
    strength: Strength


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is to be told of a domain.

    failed: a look-up gave no answer, so that something may be missing. no_mail: the domain says
    itself that it takes none.
    """

    domain: Hostname
    text: str
    kind: Literal["fact", "failed", "no_mail"] = "fact"


Clue = Find | Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What was found for some domains, in their order."""

    domains: tuple[Hostname, ...]
    finds: tuple[Find, ...]
    notes: tuple[Note, ...]

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Each endpoint once; a closed port is a finding where MX or SRV promises an open one."""
        return tuple(ways[0].endpoint for ways in self._ways())

    def told(self, run: Run) -> Run:
        """The run of an audit of these endpoints, with how they were found, and what was not."""
        there = frozenset(each.endpoint for each in run.observations)
        rows = (*self._names(there), *self._remarks())
        return replace(run, rows=rows, error=self._failure(there))

    def _ways(self) -> Sequence[Sequence[Find]]:
        """All finds of each endpoint, the strongest first."""
        found: dict[str, list[Find]] = {}
        for each in self.finds:
            found.setdefault(each.endpoint.url, []).append(each)
        return [sorted(ways, key=lambda find: find.strength) for ways in found.values()]

    def _names(self, there: frozenset[str]) -> Iterator[Row]:
        """A row for each host name and the ways to it, with those services that are there."""
        names: dict[str, dict[tuple[str, ...], list[Find]]] = {}
        for ways in self._ways():
            texts = tuple(dict.fromkeys(find.way for find in ways))
            host = ways[0].endpoint.host.ascii
            names.setdefault(host, {}).setdefault(texts, []).append(ways[0])
        for name, found in names.items():
            for texts, finds in sorted(found.items(), key=lambda row: row[1][0].strength):
                urls = (find.endpoint.url for find in finds)
                services = tuple(url for url in urls if url in there)
                note = "" if services else "none is open"
                yield {"name": name, "services": services, "found_by": texts, "note": note}

    def _remarks(self) -> Iterator[Row]:
        facts = ((n.domain, n.text) for n in self.notes if n.kind != "failed")
        failed = ((domain, f"DNS does not tell: {t}") for domain, t in self._failed().items())
        for domain, text in (*facts, *failed):
            yield {"name": domain.ascii, "services": (), "found_by": (), "note": text}

    def _failed(self) -> Mapping[Hostname, str]:
        """The look-ups of each domain that gave no answer."""
        found: dict[Hostname, list[str]] = {}
        for note in self.notes:
            if note.kind == "failed":
                found.setdefault(note.domain, []).append(note.text)
        return {d: listed(texts, most=_TOLD_EACH, between="; ") for d, texts in found.items()}

    def _failure(self, there: frozenset[str]) -> Failure | None:
        failed = tuple(self._failed().values())
        excused = {note.domain for note in self.notes if note.kind != "fact"}
        led = {find.domain for find in self.finds}
        reached = {find.domain for find in self.finds if find.endpoint.url in there}
        silent = [d for d in self.domains if d not in excused and d not in reached]
        barren = [d.ascii for d in silent if d not in led]
        closed = [d.ascii for d in silent if d in led]
        troubles = (
            (f"DNS does not tell: {_several(failed, '; ')}", _FAILED, failed),
            (f"no MX, SRV or usual name leads to mail of {_several(barren)}", _BARREN, barren),
            (f"no mail port of {_several(closed)} is open", _CLOSED, closed),
        )
        told = [(message, hint) for message, hint, which in troubles if which]
        if not told:
            return None
        messages, hints = zip(*told, strict=True)
        return Failure(message="; ".join(messages), hint="; ".join(hints))


def _several(texts: Sequence[str], between: str = ", ") -> str:
    return listed(texts, most=_TOLD, between=between)
