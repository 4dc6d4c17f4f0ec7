"""What was seen at one place, as labelled facts: versions, certificates, or why there are none."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from certcheck.errors import InputError, listed
from certcheck.model.certificate import Certificate, short
from certcheck.model.observation import Check, Deployment, Observation, Reason, Refusals
from certcheck.names import hostname

_SHOWN = 4
_GROUPS_SHOWN = 12
_MINUTE, _HOUR, _DAY = 60, 3600, 86400

# Why nothing, or no TLS, was seen: the shortest words that still say it.
_REASONS: Mapping[Reason, str] = {
    "refused": "closed, the connection was refused",
    "starttls_not_offered": "no TLS",
    "starttls_garbled": "no TLS, the offer of STARTTLS is garbled",
    "plain_on_tls_port": "no TLS, the server speaks plain text",
    "preauth": "no TLS, the server greets with PREAUTH",
    "tls_on_plain_port": "TLS failed, the port speaks TLS from the first byte",
    "tls_unavailable_454": "TLS failed, the server refuses STARTTLS after offering it",
    "closed_after_go_ahead": "TLS failed, the server hangs up when TLS should start",
    "injected_bytes": "TLS failed, plain text was slipped in before it",
    "handshake_failed": "TLS failed in the handshake",
    "unreachable": "not seen, nothing answered",
    "unresolved": "not seen, the name has no address",
    "greeting_timeout": "not seen, the greeting came too late",
    "handshake_timeout": "not seen, the handshake did not end",
    "rate_limited": "not seen, the server limits connections",
    "bye": "not seen, the server says goodbye",
    "rejected_554": "not seen, the server refuses to talk to this address",
    "wrong_protocol": "not seen, something else answers there",
    "oversized": "not seen, the server sent too much",
}

_SAID_BY_REASON = "TLS handshake failed: "

# What sslyze's checks are about, where all of them must be passed to be told.
_HOLES: Mapping[str, frozenset[str]] = {
    "Heartbleed": frozenset({"heartbleed"}),
    "ROBOT": frozenset({"robot"}),
    "CCS injection": frozenset({"ccs_injection"}),
    "compression": frozenset({"compression"}),
    "renegotiation": frozenset({"secure_renegotiation", "client_renegotiation"}),
}


def count(number: int, word: str) -> str:
    """`1 port`, `2 ports`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def duration(seconds: float) -> str:
    """`1.4 s`, `2 min 3 s`, `3 h 0 min`, `2 d 5 h`: two units at most."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{seconds:.1f} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def remarks(observation: Observation, deployment: Deployment) -> Iterator[str]:
    """What is unusual about where or how often a certificate was seen."""
    if deployment.server_name is None and observation.server_name is not None:
        yield "only without SNI"
    if deployment.seen != deployment.of:
        yield f"seen {deployment.seen} of {deployment.of} times"


def why(observation: Observation) -> str:
    """Why no certificate was seen, with the server's own words."""
    known = _REASONS[observation.reason] if observation.reason else observation.outcome
    detail = observation.detail.removeprefix(_SAID_BY_REASON)
    return f"{known}: {detail}" if detail else known


def facts(observation: Observation, now: datetime) -> Iterator[tuple[str, str]]:
    """Label and value, line by line; a line that goes on about the same thing has no label."""
    if observation.outcome != "seen":
        yield "outcome", why(observation)
        return
    if observation.protocols:
        yield "TLS", _versions(observation)
    if observation.refusals:
        yield "refused", _refused(observation.refusals)
    if observation.groups:
        yield "groups", listed(observation.groups, most=_GROUPS_SHOWN)
    if sound := _sound(observation.checks):
        yield "checked", f"{', '.join(sound)}: sound"
    for each in observation.certificates:
        yield "certificate", ", ".join((_names(each.leaf), *remarks(observation, each)))
        yield "", f"{each.leaf.key}, {_issued(each.leaf)}"
        yield "", f"valid until {_moment(each.leaf.not_after)}, {_left(each.leaf, now)}"
        titles = [_title(link) for link in each.chain]
        yield "", f"chain of {len(titles)}: {listed(titles, most=_SHOWN)}"
        yield from (("", line) for line in _trust(each))
    for found in observation.mixed:
        yield "mixed", _mixed(found)


def _mixed(found: Sequence[Deployment]) -> str:
    name = found[0].server_name
    counts = [f"{short(each.leaf.sha256)} {each.seen} of {each.of} times" for each in found]
    question = f"{found[0].key_type.upper()} {f'for {name}' if name else 'without SNI'}"
    return f"{question}: {listed(counts, most=_SHOWN)}"


def _versions(observation: Observation) -> str:
    versions = ", ".join(each.removeprefix("TLSv") for each in observation.protocols)
    suites = {suite for found in observation.cipher_suites.values() for suite in found}
    if not suites:
        return versions
    # RFC 8446 4.1.1: whose order of preference decides.
    order = f", in the {observation.preference}'s order" if observation.preference else ""
    return f"{versions} ({count(len(suites), 'cipher suite')}{order})"


def _refused(refusals: Mapping[str, Refusals]) -> str:
    singly = {suite for each in refusals.values() for suite in each.singly}
    with_family = {suite for each in refusals.values() for suite in each.with_family} - singly
    told = count(len(singly | with_family), "cipher suite")
    if not with_family:
        return f"{told}, each by itself"
    return f"{told}, {len(with_family)} of them with their family, one of which was asked alone"


def _sound(checks: Mapping[str, Check]) -> tuple[str, ...]:
    passed = {name for name, check in checks.items() if check.verdict == "pass"}
    return tuple(words for words, names in _HOLES.items() if names <= passed)


def _names(certificate: Certificate) -> str:
    names = certificate.names or (_title(certificate),)
    return listed([*map(_in_letters, names[:_SHOWN]), *names[_SHOWN:]], most=_SHOWN)


def _in_letters(name: str) -> str:
    # A certificate holds the xn-- form (RFC 9525 2); whoever reads it knows the other one.
    if "xn--" not in name:
        return name
    try:
        return str(hostname(name, wildcard=True))
    except InputError:
        return name


def _title(certificate: Certificate) -> str:
    return next(iter(certificate.names), "") or _common_name(certificate.subject)


def _issued(certificate: Certificate) -> str:
    if certificate.self_signed:
        return "self-signed"
    return f"issued by {_common_name(certificate.issuer)}"


def _common_name(name: str) -> str:
    found = re.search(r"(?:^|,)CN=([^,]+)", name)
    return found[1] if found else name or "no one named"


def _trust(deployment: Deployment) -> Iterator[str]:
    for verdict_, words in (("pass", "trusted by"), ("fail", "refused by")):
        stores = [
            f"{each.store} ({each.date})" if each.date else each.store
            for each in deployment.trust
            if each.verdict == verdict_
        ]
        if stores:
            yield f"{words} {', '.join(stores)}"


def _left(certificate: Certificate, now: datetime) -> str:
    days = (certificate.not_after - now).days
    return f"{count(days, 'day')} left" if days >= 0 else f"expired {count(-days, 'day')} ago"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
