"""What a watch has seen of one port: as a row, and its news as one line each."""

from collections.abc import Iterator, Sequence
from datetime import UTC

from certcheck.model.certificate import short
from certcheck.model.run import Row
from certcheck.probe.moments import Moment
from certcheck.probe.outage import Change, Outages, Spell
from certcheck.workflow.asking import Place


def label(place: Place) -> str:
    """`IMAP mail.example.org:143 STARTTLS at 192.0.2.7`."""
    same = place.endpoint.host.ascii == place.address
    return place.endpoint.label if same else f"{place.endpoint.label} at {place.address}"


def stamp(moment: Moment) -> str:
    """`2026-11-27T01:49:25Z`, by the wall clock as it was then."""
    text = moment.at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{text}Z"


def is_told(place: Place, outages: Outages) -> bool:
    """Whether somebody has named the port, or it has ever done anything but refuse."""
    return place.endpoint.expected or bool(
        outages.spells.current or outages.kinds.keys() - {"refused"}
    )


def rows(ports: Sequence[tuple[Place, Outages]], found: Sequence[Place]) -> tuple[Row, ...]:
    """One for each port that is told of, and one for each that has no address."""
    seen = (_row(place, outages) for place, outages in ports if is_told(place, outages))
    return (*seen, *_unresolved(found))


def news(place: Place, change: Change) -> str:
    """`2026-11-27T01:49:25Z IMAP mail.example.org:143 STARTTLS: back after 3.2 s`."""
    return f"{stamp(change.at)} {label(place)}: {_said(change)}"


def _said(change: Change) -> str:
    match change.what:
        case "away":
            return f"away, {change.kind}: {change.detail}"
        case "back":
            return f"back after {change.gap.seconds if change.gap else 0:.1f} s"
        case "certificate":
            return f"other certificate, {short(change.leaf)} instead of {short(change.before)}"
        case _:
            return f"serves {short(change.leaf)}"


def _row(place: Place, outages: Outages) -> Row:
    longest = outages.longest
    return {
        "endpoint": place.endpoint.url,
        "address": place.address,
        "handshakes": outages.handshakes,
        "failed": outages.failed,
        "first_failure": _stamped(outages.first_failure),
        "last_failure": _stamped(outages.last_failure),
        "outages": outages.outages,
        "longest_gap_seconds": round(longest.seconds, 1) if longest else 0.0,
        "longest_gap_from": _stamped(longest.since if longest else None),
        "longest_gap_until": _stamped(longest.until if longest else None),
        "all_gaps_seconds": round(outages.away, 1),
        "still_away": outages.is_away,
        "slowest_seconds": round(outages.slowest, 3),
        "failures": tuple(f"{kind} {times}" for kind, times in outages.kinds.most_common()),
        "certificates": tuple(map(_spell, outages.spells.kept)),
        "certificates_left_out": outages.spells.left_out,
        "note": "",
    }


def _unresolved(found: Sequence[Place]) -> Iterator[Row]:
    for place in found:
        if place.address is None:
            yield {"endpoint": place.endpoint.url, "address": None, "note": place.trouble}


def _spell(spell: Spell) -> str:
    return f"{spell.leaf} {stamp(spell.since)} {stamp(spell.until)}"


def _stamped(moment: Moment | None) -> str | None:
    return stamp(moment) if moment else None
