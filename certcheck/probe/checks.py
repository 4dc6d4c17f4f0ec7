"""Which of sslyze's checks make sense for a server, and what they say when all is known."""

from collections.abc import Collection, Mapping

from certcheck.model.observation import Check, TlsVersion
from certcheck.probe.scan_words import CHECKS, EARLY_DATA, FALLBACK

NAMES = tuple(sorted(name for names in CHECKS.values() for name in names))
# SSLv2 has none of what is checked, and TLS 1.3 only early data.
_OLD: tuple[TlsVersion, ...] = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2")
_NOT_ASKED = Check(verdict="not_applicable")


def newest(versions: Collection[TlsVersion]) -> TlsVersion | None:
    """The newest of these versions that is older than TLS 1.3."""
    return next((version for version in reversed(_OLD) if version in versions), None)


def commands(versions: Collection[TlsVersion]) -> tuple[str, ...]:
    """The names of the checks' commands for a server that accepts these versions."""
    best = newest(versions)
    # RFC 7507 4: the refusal of a fallback shows only where the older version is accepted, too.
    older = _OLD[_OLD.index(best) - 1] if best and best != _OLD[0] else None
    left_out = {
        EARLY_DATA: "TLSv1.3" not in versions,
        FALLBACK: older not in versions,
        "tls_extended_master_secret": best != "TLSv1.2",
    }
    return tuple(name for name in CHECKS if not left_out.get(name, best is None))


def concluded(
    said: Mapping[str, Check], asked: Collection[str], open_: Collection[str]
) -> dict[str, Check]:
    """All checks by name; what belongs to a command in `open_` is inconclusive."""
    unclear = {name for command in open_ for name in CHECKS.get(command, ())}
    expected = {name for command in asked for name in CHECKS.get(command, ())}
    left = dict.fromkeys(unclear & expected, Check(verdict="inconclusive"))
    return {**dict.fromkeys(NAMES, _NOT_ASKED), **said, **left}
