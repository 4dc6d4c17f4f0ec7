"""What differs in TLS itself: versions, cipher suites, groups, and whose order decides."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from certcheck.errors import listed
from certcheck.judge.difference import Difference
from certcheck.model.change import ChangeClass
from certcheck.model.observation import Observation
from certcheck.targets import endpoint

_SHOWN = 4
MODERN = frozenset({"TLSv1.2", "TLSv1.3"})

# Who needs a version: what its loss means (RFC 8996 for the old ones).
_USERS: Mapping[str, str] = {
    "SSLv2": "nobody's program should need it",
    "SSLv3": "nobody's program should need it",
    "TLSv1.0": "programs from before about 2014 (Outlook on Windows 7, Android 4, old scanners) "
    "can no longer connect",
    "TLSv1.1": "hardly any program needs it that does not know TLS 1.2",
    "TLSv1.2": "programs from before about 2020 can no longer connect",
    "TLSv1.3": "programs fall back to TLS 1.2 and connect as before",
}

_FORWARD_SECRET = re.compile(r"TLS_(ECDHE|DHE)_(RSA|ECDSA)_WITH_\w+_(GCM|CHACHA20|CCM)")
_BROKEN = re.compile(r"_(NULL|EXPORT\d*|RC4|RC2|DES|3DES|DES40)_|TLS_NULL")
_COMMON_GROUPS = frozenset({"X25519", "secp256r1"})


def versions(before: Observation, after: Observation) -> Iterator[Difference]:
    """TLS versions: old ones may go (RFC 8996) and must not come, new ones must not go."""
    was, now = set[str](before.protocols), set[str](after.protocols)
    gone, new = was - now, now - was
    if not (was and now and (gone or new)):
        return
    old_again, missing = new - MODERN, gone & MODERN
    yield Difference(
        field="protocols",
        before=before.protocols,
        after=after.protocols,
        class_=_class_of_versions(gone, old_again, missing),
        message="; ".join(_about_versions(gone, new)),
        single=frozenset(gone | new),
    )


def still_offered(
    before: Observation | None, after: Observation, wanted: frozenset[str]
) -> Iterator[Difference]:
    """Versions that are offered, although only `wanted` were to be left."""
    extra = [version for version in after.protocols if version not in wanted]
    if extra and (before is None or set(extra) <= set(before.protocols)):
        left = ", ".join(sorted(wanted))
        why = f"although only {left} was to be left"
        yield _still(before, after, extra, why)


def still_offered_anew(
    before: Observation, after: Observation, *, moved: bool
) -> Iterator[Difference]:
    """Old versions that other software offers as the old one did: it has been told to.

    Dovecot and the like offer none by themselves with the OpenSSL of today; Postfix does, for
    servers that could only talk in the clear otherwise (RFC 7435), so SMTP is not judged.
    """
    old = [version for version in after.protocols if version not in MODERN]
    kept = [version for version in old if version in before.protocols]
    if moved and kept and endpoint(after.endpoint).protocol != "smtp":
        why = "by the new software, too, which does so only where it is told to (RFC 8996)"
        yield _still(before, after, kept, why)


def _still(
    before: Observation | None, after: Observation, extra: Sequence[str], why: str
) -> Difference:
    return Difference(
        field="protocols",
        before=before.protocols if before else None,
        after=after.protocols,
        class_="weakened",
        message=f"{', '.join(extra)} is still offered, {why}",
        about="still",
        single=frozenset(extra),
    )


def suites(before: Observation, after: Observation) -> Iterator[Difference]:
    """Cipher suites of the versions that are offered before and after."""
    shared = set(before.cipher_suites) & set(after.cipher_suites)
    was = {suite for version in shared for suite in before.cipher_suites[version]}
    now = {suite for version in shared for suite in after.cipher_suites[version]}
    if was == now:
        return
    class_, message = _judged(was, now)
    yield Difference(
        field="cipher_suites",
        before=tuple(sorted(was)),
        after=tuple(sorted(now)),
        class_=class_,
        message=message,
        single=frozenset(was ^ now),
    )


def groups(before: Observation, after: Observation) -> Iterator[Difference]:
    """Groups for the key exchange; only the two that every program knows must not go."""
    was, now = set(before.groups), set(after.groups)
    if not was or not now or was == now:
        return
    needed = (was - now) & _COMMON_GROUPS
    gone, new = sorted(was - now), sorted(now - was)
    parts = [f"{listed(gone, most=_SHOWN)} is gone"] if gone else []
    parts += [f"{listed(new, most=_SHOWN)} is new"] if new else []
    known = bool(now & _COMMON_GROUPS)
    effect = "programs use another one" if known else "old programs may find none in common"
    yield Difference(
        field="groups",
        before=before.groups,
        after=after.groups,
        class_="weakened" if needed and not known else "expected" if gone else "gained",
        message="; ".join((*parts, effect)) if gone else "; ".join(parts),
        single=frozenset(was ^ now),
    )


def preference(before: Observation, after: Observation) -> Iterator[Difference]:
    """Whose order decides where both know several suites (RFC 8446 4.1.1)."""
    if before.preference and after.preference and before.preference != after.preference:
        yield Difference(
            field="preference",
            before=before.preference,
            after=after.preference,
            class_="expected",
            message=f"the {after.preference}'s order of cipher suites decides now",
            single=frozenset({after.preference}),
        )


def _class_of_versions(gone: set[str], old_again: set[str], missing: set[str]) -> ChangeClass:
    if "TLSv1.2" in missing:
        return "lost"
    if old_again or missing:
        return "weakened"
    return "expected" if gone else "gained"


def _about_versions(gone: set[str], new: set[str]) -> Iterator[str]:
    for version in sorted(gone):
        yield f"{version} is gone: {_USERS.get(version, '')}"
    for version in sorted(new):
        old = version not in MODERN
        yield f"{version} is {'offered again, which RFC 8996 forbids' if old else 'new'}"


def _judged(was: set[str], now: set[str]) -> tuple[ChangeClass, str]:
    gone, new = was - now, now - was
    broken = sorted(suite for suite in new if _BROKEN.search(suite))
    if broken:
        return "weakened", f"broken cipher suites are offered now: {listed(broken, most=_SHOWN)}"
    if _sound(was) and not _sound(now):
        return "weakened", "no cipher suite with forward secrecy and AEAD is left below TLS 1.3"
    if not gone:
        return "gained", f"{len(new)} more cipher suites: {listed(sorted(new), most=_SHOWN)}"
    return "expected", _about_suites(gone, new, now)


def _sound(suites: Iterable[str]) -> bool:
    older = [suite for suite in suites if "_WITH_" in suite]
    return not older or any(map(_FORWARD_SECRET.match, older))


def _about_suites(gone: set[str], new: set[str], now: set[str]) -> str:
    count = f"{len(gone)} cipher suites are gone"
    other_key = f" and {len(new)} are new, as the type of the key differs" if new else ""
    rsa_gone = any("_RSA_" in suite for suite in gone) and not any("_RSA_" in s for s in now)
    ecdsa = any("_ECDSA_" in suite for suite in now)
    if rsa_gone and ecdsa:
        return f"{count}{other_key}: programs that know no ECDSA can no longer connect"
    dhe = any(suite.startswith("TLS_DHE_") for suite in gone)
    who = "programs that know nothing newer than these" + (" (DHE, CBC, RSA)" if dhe else "")
    return f"{count}{other_key}: {who} can no longer connect"
